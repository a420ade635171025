"""Keep what is watched in step with the roster and with what we hold, without a restart."""

import asyncio
from collections.abc import AsyncIterator, Collection

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.crossings import CrossingBoard
from remora.detection.entry_traces import EntryTraces
from remora.detection.holdings import Held, Holdings
from remora.detection.intake import Intake
from remora.detection.pace import Pace
from remora.domain.ids import AccountId, TokenId, WalletAddress
from remora.storage import decisions, roster, triggers
from remora.storage.listen import notifications
from remora.storage.positions import list_positions
from remora.venues.venue import BookFeed, WhaleFeed

log = structlog.get_logger(__name__)

CHANNELS = (roster.CHANNEL, triggers.CHANNEL)
POSITIONS_MAX = 100_000


class Followed:
    """Whales of the newest roster and of open positions; tokens of open positions and thresholds.

    `entry_traces`, where somebody traces, is kept in step with them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        account: AccountId,
        *,
        whale_feeds: Collection[WhaleFeed],
        book_feed: BookFeed,
        intake: Intake,
        holdings: Holdings,
        board: CrossingBoard,
        pace: Pace,
        entry_traces: EntryTraces | None = None,
    ) -> None:
        self._engine = engine
        self._account = account
        self._whale_feeds = tuple(whale_feeds)
        self._book_feed = book_feed
        self._intake = intake
        self._holdings = holdings
        self._board = board
        self._pace = pace
        self._entry_traces = entry_traces
        self._changed = asyncio.Event()
        self.whales: frozenset[WalletAddress] = frozenset()
        self.tokens: frozenset[TokenId] = frozenset()

    async def refresh(self) -> None:
        """Read roster, positions and thresholds; tell the feeds what changed."""
        follows = await roster.load_roster(self._engine)
        positions = await list_positions(self._engine, self._account, limit=POSITIONS_MAX)
        armed = await triggers.active_triggers(self._engine, self._account)
        self._holdings.replace(
            [
                Held(
                    position_id=position.id,
                    workflow_id=position.workflow_id,
                    whale=position.whale,
                    token_id=position.token_id,
                    condition_id=position.condition_id,
                )
                for position in positions
            ]
        )
        self._board.refresh(armed, self._holdings.tokens)
        if self._entry_traces is not None:
            self._entry_traces.replace(await decisions.entry_traces(self._engine, self._account))
        await self._follow(frozenset(follow.whale for follow in follows) | self._holdings.whales)
        await self._watch(self._board.tokens | self._holdings.tokens)

    async def listen(self) -> None:
        """Hear of changes for ever."""
        heard: AsyncIterator[str] = notifications(self._engine, CHANNELS)
        async for _channel in heard:
            self._changed.set()

    async def keep_fresh(self) -> None:
        """Refresh for ever: soon after a change, and every few seconds in case one was missed."""
        while True:
            try:
                async with asyncio.timeout(self._pace.refresh_every):
                    await self._changed.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(self._pace.refresh_debounce)
            self._changed.clear()
            await self.refresh()

    async def _follow(self, whales: frozenset[WalletAddress]) -> None:
        if whales == self.whales:
            return
        log.info("whales.followed", count=len(whales), new=len(whales - self.whales))
        self.whales = self._intake.followed = whales
        for feed in self._whale_feeds:
            await feed.follow(whales)

    async def _watch(self, tokens: frozenset[TokenId]) -> None:
        if tokens == self.tokens:
            return
        self.tokens = tokens
        await self._book_feed.watch(tokens)
