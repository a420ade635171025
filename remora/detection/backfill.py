"""Read from the public history what the stream did not say."""

import asyncio
import heapq
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.followed import Followed
from remora.detection.holdings import Holdings
from remora.detection.intake import Intake
from remora.detection.pace import Pace
from remora.detection.recent_keys import RecentKeys
from remora.detection.venue_time import VenueTime
from remora.domain.ids import AccountId, WalletAddress
from remora.storage.seen import consumed_keys, last_seen
from remora.venues.venue import FeedGap, MarketData, VenueError, VenueRefused

log = structlog.get_logger(__name__)

AT_ONCE = 4
RETRY_AFTER = 2.0


class Backfill:
    """Trades of followed wallets since an instant, fed to the intake like any other: the third source.

    Runs at the start, after every gap (and again a little later, since the history lags behind the streams), and
    regularly for every followed wallet, one after the other, each from where its last read began.
    """

    def __init__(
        self,
        data: MarketData,
        engine: AsyncEngine,
        account: AccountId,
        *,
        followed: Followed,
        holdings: Holdings,
        intake: Intake,
        recent: RecentKeys,
        time: VenueTime,
        pace: Pace,
    ) -> None:
        self._data = data
        self._engine = engine
        self._account = account
        self._followed = followed
        self._holdings = holdings
        self._intake = intake
        self._recent = recent
        self._time = time
        self._pace = pace
        self._due: list[tuple[float, WalletAddress, datetime]] = []
        self._read_at: dict[WalletAddress, datetime] = {}
        self._wake = asyncio.Event()

    def note_gap(self, gap: FeedGap) -> None:
        """Have everything since the gap's beginning read, now and again later."""
        since = gap.since - timedelta(seconds=1)
        for after in (0.0, *self._pace.reread_after):
            self._schedule(self._followed.whales, since, after=after)

    async def begin(self) -> None:
        """Have everything since the last decision read; nothing on a first start."""
        newest = await last_seen(self._engine, self._account)
        if newest is None:
            return
        since = newest - self._pace.activity_overlap
        held = self._holdings.whales
        self._schedule(held, since)
        self._schedule(self._followed.whales - held, max(since, self._time.now() - self._pace.backfill_max))

    async def run(self) -> None:
        """Read what is due for ever."""
        loop = asyncio.get_running_loop()
        next_poll = loop.time() + self._pace.activity_every
        while True:
            if loop.time() >= next_poll:
                next_poll = loop.time() + self._pace.activity_every
                self._schedule_poll()
            due = self._take_due(loop.time())
            if due:
                await self._read_all(due)
                continue
            await self._sleep_until(min([next_poll, *(entry[0] for entry in self._due[:1])]) - loop.time())

    async def read(self, whale: WalletAddress, since: datetime) -> None:
        """Feed one wallet's trades since a wall-clock instant to the intake, oldest first."""
        began = self._time.now()
        trades = await self._data.whale_trades(whale, since=self._time.clock.venue_time(since))
        new = [trade.key for trade in trades if trade.key not in self._recent]
        decided = await consumed_keys(self._engine, self._account, new)
        self._recent.update(decided)
        for trade in sorted(trades, key=lambda trade: trade.happened_at):
            await self._intake.take(trade)
        self._read_at[whale] = began

    def _schedule_poll(self) -> None:
        """Have every followed wallet read once before the next poll, evenly spread."""
        whales = sorted(self._followed.whales | self._holdings.whales)
        self._read_at = {whale: at for whale, at in self._read_at.items() if whale in self._followed.whales}
        now = self._time.now()
        for number, whale in enumerate(whales):
            since = self._read_at.get(whale, now - timedelta(seconds=self._pace.activity_every))
            after = self._pace.activity_every * number / len(whales)
            self._schedule([whale], since - self._pace.activity_overlap, after=after)

    def _schedule(self, whales: Collection[WalletAddress], since: datetime, *, after: float = 0.0) -> None:
        at = asyncio.get_running_loop().time() + after
        for whale in whales:
            heapq.heappush(self._due, (at, whale, since))
        self._wake.set()

    def _take_due(self, now: float) -> dict[WalletAddress, datetime]:
        due: dict[WalletAddress, datetime] = {}
        while self._due and self._due[0][0] <= now:
            _, whale, since = heapq.heappop(self._due)
            due[whale] = min(since, due.get(whale, since))
        return due

    async def _read_all(self, due: dict[WalletAddress, datetime]) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(whale: WalletAddress, since: datetime) -> None:
            async with slots:
                await self._read_or_retry(whale, since)

        await asyncio.gather(*(one(whale, since) for whale, since in sorted(due.items())))

    async def _read_or_retry(self, whale: WalletAddress, since: datetime) -> None:
        try:
            await self.read(whale, since)
        except VenueRefused as error:
            log.error("backfill.refused", whale=whale, since=since.isoformat(), cause=str(error))
        except VenueError as error:
            log.warning("backfill.failed", whale=whale, since=since.isoformat(), cause=str(error))
            self._schedule([whale], since, after=getattr(error, "retry_after", None) or RETRY_AFTER)
        except Exception:  # nothing may be left unread: not when the database is away either
            log.exception("backfill.failed", whale=whale, since=since.isoformat())
            self._schedule([whale], since, after=RETRY_AFTER)

    async def _sleep_until(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()
        except TimeoutError:
            pass
