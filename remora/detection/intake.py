"""What happens to a whale's trade between the stream and the position that copies it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from remora.detection.aggregator import Aggregator
from remora.detection.changes import spread
from remora.detection.holdings import Holdings
from remora.detection.lanes import Delivery, Kind, Lanes
from remora.detection.outlet import Outlet, Unreachable
from remora.detection.pace import Pace
from remora.detection.recent_keys import RecentKeys
from remora.detection.sightings import Sightings
from remora.detection.skips import Skips
from remora.detection.venue_time import VenueTime
from remora.domain.aggregate import aggregate
from remora.domain.check_trade import check_trade
from remora.domain.confluence import Confluence, Fate
from remora.domain.decide import Skip
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.reasons import SkipReason
from remora.domain.trades import Signal, TradeKind, WhaleTrade
from remora.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Intake:
    """Deduplicates, checks, aggregates and hands over; every trade is counted once under its fate.

    Where too many deliveries wait, purchases are refused and sales go on. `take` may be called from several
    sources at once: the stream, the backfill, the poll.
    """

    def __init__(
        self,
        *,
        outlet: Outlet,
        skips: Skips,
        lanes: Lanes,
        recent: RecentKeys,
        time: VenueTime,
        limits: Limits,
        pace: Pace,
        metrics: Metrics,
        holdings: Holdings | None = None,
        sightings: Sightings | None = None,
        prepare: Callable[[TokenId, ConditionId], Awaitable[None]] | None = None,
    ) -> None:
        self._outlet = outlet
        self._skips = skips
        self._lanes = lanes
        self._recent = recent
        self._time = time
        self._limits = limits
        self._metrics = metrics
        self._prepare = prepare
        self._holdings = holdings or Holdings()
        self._sightings = sightings
        self._confluence = Confluence(pace.recent_keys)
        self._preparing: dict[TokenId, asyncio.Task[None]] = {}
        self._aggregator = Aggregator(window=pace.window, burst_max=pace.burst_max)
        self._timer: asyncio.TimerHandle | None = None
        self.followed: Collection[WalletAddress] = frozenset()

    async def take(self, trade: WhaleTrade) -> None:
        """Take in one trade, however often it is delivered."""
        if trade.whale not in self.followed:
            self._count("not_followed")
            return
        if self._sightings is not None and trade.kind is not TradeKind.REORG:
            self._sightings.note(trade)
        concerned = spread(trade, self._holdings)
        if not concerned:
            self._count("not_held")
        for one in concerned:
            await self._take(one)

    async def _take(self, trade: WhaleTrade) -> None:
        fate, counted = Fate.DUPLICATE, trade
        if trade.key in self._confluence or trade.key not in self._recent:
            fate, counted = self._confluence.offer(trade, collecting=self._aggregator.collects(trade))
        if fate in (Fate.DUPLICATE, Fate.LATE):
            self._count(fate.value)
            return
        try:
            self._read_ahead(counted)
            await self._time.settle()
            refusal = self._refusal(counted)
            if refusal is not None and refusal.reason in (SkipReason.FUTURE_DATED, SkipReason.STALE):
                await self._time.read_again()  # a venue that restarted has another clock
                refusal = self._refusal(counted)
            refusal = refusal or self._crowded(counted)
        except BaseException:  # the reader may be ended here: whoever reads the trade again must find it new
            self._confluence.forget(trade)
            raise
        self._accept(counted, refusal)

    def _read_ahead(self, trade: WhaleTrade) -> None:
        """Let the venue be asked while the trade is on its way to the position that will need the answers."""
        if self._prepare is None or trade.side is Side.SELL or trade.kind is not TradeKind.TRADE:
            return
        token = trade.token_id
        if token not in self._preparing:
            task = self._preparing[token] = asyncio.ensure_future(self._prepare(token, trade.condition_id))
            task.add_done_callback(lambda _done: self._preparing.pop(token, None))

    def flush(self) -> None:
        """Hand over what was collected without waiting for its window."""
        for signal in self._aggregator.flush():
            self._hand_over(signal)

    def _accept(self, trade: WhaleTrade, refusal: Skip | None) -> None:
        self._recent.add(trade.key)
        if refusal is not None:
            self._skips.push(aggregate([trade]), refusal.reason, refusal.detail)
        elif trade.side is Side.BUY and trade.kind is not TradeKind.TRADE:
            self._count("not_a_purchase")  # a split or a transfer in: no price that could be copied
        else:
            self._collect(trade)

    def _refusal(self, trade: WhaleTrade) -> Skip | None:
        bad = check_trade(trade, now_venue=self._time.venue_now(), limits=self._limits)
        if bad is not None or trade.side is Side.SELL or self._turned_round(trade):
            return bad
        return self._lateness(trade)

    def _crowded(self, trade: WhaleTrade) -> Skip | None:
        """Return the refusal of a purchase for which there is no room; a sale is never kept waiting or refused."""
        if self._lanes.roomy or trade.side is Side.SELL or self._turned_round(trade):
            return None
        return Skip(SkipReason.STALE, f"{self._lanes.waiting} deliveries wait: it would be too old in its turn")

    def _turned_round(self, bought: WhaleTrade | Signal) -> bool:
        """Tell whether a purchase is a sale to a position of ours, which is never too old to be heard of."""
        return self._holdings.turned_round(bought.whale, bought.condition_id, bought.token_id)

    def _began(self, bought: WhaleTrade | Signal) -> datetime:
        return min(bought.seen_at, self._time.clock.wall_time(bought.happened_at))

    def _lateness(self, bought: WhaleTrade | Signal) -> Skip | None:
        """Return the refusal of a purchase too old to copy."""
        age = self._time.now() - self._began(bought)
        if age <= self._limits.signal_age_max:
            return None
        return Skip(SkipReason.STALE, f"{age.total_seconds():.1f} s old when the watcher had it")

    def _collect(self, trade: WhaleTrade) -> None:
        loop = asyncio.get_running_loop()
        ended = self._aggregator.add(trade, loop.time())
        if ended is not None:
            self._hand_over(ended)
        self._arm(loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        due = self._aggregator.next_due()
        if self._timer is None and due is not None:
            self._timer = loop.call_at(due, self._window_over)

    def _window_over(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for signal in self._aggregator.due(loop.time()):
            self._hand_over(signal)
        self._arm(loop)

    def _hand_over(self, signal: Signal) -> None:
        self._count("signalled", len(signal.trade_keys))
        self._stage("aggregated", signal)
        if signal.side is Side.SELL:
            self._push(signal, Kind.EXIT, partial(self._reduce, signal))
            return
        self._push(signal, Kind.ENTRY, partial(self._enter, signal))

    def _push(self, signal: Signal, kind: Kind, act: Callable[[], Awaitable[None]]) -> None:
        self._lanes.push(
            Delivery(
                key=f"trade/{signal.whale}/{signal.token_id}",
                kind=kind,
                act=act,
                refused=partial(self._skips.push, signal, SkipReason.MALFORMED),
            )
        )

    async def _enter(self, signal: Signal) -> None:
        late = self._lateness(signal)
        if late is not None:
            if not self._turned_round(signal):
                self._skips.push(signal, late.reason, late.detail)
                return
            # whoever decides about it must find it too old as well, and tells our position
            signal = replace(signal, seen_at=self._began(signal))
        self._stage("queued", signal)
        await self._outlet.whale_traded(signal, self._time.clock)
        self._stage("handed_over", signal)

    async def _reduce(self, signal: Signal) -> None:
        if await self._outlet.whale_traded(signal, self._time.clock):
            return
        if self._holdings.held_by(signal.whale, signal.token_id):
            raise Unreachable("the position is open and its workflow gone: reconciling brings it back")
        self._skips.push(signal, SkipReason.NOT_HELD, "a sale of something we do not copy")

    def _count(self, fate: str, trades: int = 1) -> None:
        self._metrics.trades.labels(fate).inc(trades)

    def _stage(self, stage: str, signal: Signal) -> None:
        seconds = (self._time.now() - signal.seen_at).total_seconds()
        self._metrics.latency.labels(stage, signal.source.value).observe(max(0.0, seconds))
