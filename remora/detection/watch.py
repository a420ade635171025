"""Everything the watcher does, wired together; where it goes is the outlet's business."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.backfill import Backfill
from remora.detection.changes import taken_back
from remora.detection.crossings import CrossingBoard
from remora.detection.entry_traces import EntryTraces
from remora.detection.equity import EquityWatch
from remora.detection.followed import Followed
from remora.detection.holdings import Holdings
from remora.detection.intake import Intake
from remora.detection.lanes import Delivery, Kind, Lanes
from remora.detection.liveness import Liveness
from remora.detection.market_events import MarketEvents
from remora.detection.outlet import Crossing, Outlet
from remora.detection.own_orders import OwnOrders
from remora.detection.pace import Pace
from remora.detection.recent_keys import RecentKeys
from remora.detection.sightings import Sightings
from remora.detection.skips import Skips
from remora.detection.supervise import keep_running
from remora.detection.venue_time import VenueTime
from remora.domain.ids import ConditionId, TokenId
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.trades import TradeSource, WhaleTrade
from remora.ending import end
from remora.storage.feeds import write_feeds
from remora.storage.positions import set_marks
from remora.telemetry.metrics import Metrics
from remora.venues.venue import (
    BookUpdate,
    FeedGap,
    FillUpdate,
    MarketUpdate,
    OrderUnmatched,
    TradeRetracted,
    Venue,
    WhaleFeed,
)

log = structlog.get_logger(__name__)

RETRY_AFTER = 1.0


class Watch:
    """One watcher: `run` until told to stop.

    `prepares`: the orders are made in this process, on this venue object, so its reads may begin here.
    """

    def __init__(
        self,
        venue: Venue,
        engine: AsyncEngine,
        outlet: Outlet,
        *,
        limits: Limits,
        metrics: Metrics,
        now: Callable[[], datetime],
        pace: Pace | None = None,
        prepares: bool = False,
        entry_traces: EntryTraces | None = None,
    ) -> None:
        pace = pace or Pace()
        account = venue.account
        self._venue, self._engine, self._outlet = venue, engine, outlet
        self._pace, self._metrics = pace, metrics
        self._books, self._fills = venue.book_feed(), venue.fill_feed()
        self._whales = _whale_feeds(venue)
        self.time = VenueTime(venue, now)
        self.lanes = Lanes(pace, metrics)
        holdings, recent = Holdings(), RecentKeys(pace.recent_keys)
        prepare = venue.prepare if prepares else None
        self.sightings, self.intake = self._detection(limits, holdings, recent, prepare)
        self.board = CrossingBoard(limits, repeat_after=pace.repeat_crossing_after)
        self.followed = Followed(
            engine,
            account,
            whale_feeds=list(self._whales.values()),
            book_feed=self._books,
            intake=self.intake,
            holdings=holdings,
            board=self.board,
            pace=pace,
            entry_traces=entry_traces,
        )
        self.backfill = Backfill(
            venue,
            engine,
            account,
            followed=self.followed,
            holdings=holdings,
            intake=self.intake,
            recent=recent,
            time=self.time,
            pace=pace,
        )
        self.markets = MarketEvents(
            venue, holdings=holdings, pace=pace, outlet=outlet, lanes=self.lanes, time=self.time
        )
        self.equity = EquityWatch(
            engine,
            account,
            limits=limits,
            pace=pace,
            now=now,
            venue_now=self.time.venue_now,
            tell=self._tell_desk,
        )
        self.orders = OwnOrders(
            venue, engine, outlet=outlet, lanes=self.lanes, time=self.time, grace=pace.orders_grace
        )
        self.liveness = Liveness(self, now=now, replace=self._replace, pace=pace, metrics=metrics)
        self._readers: dict[str, asyncio.Task[None]] = {}

    def _detection(
        self,
        limits: Limits,
        holdings: Holdings,
        recent: RecentKeys,
        prepare: Callable[[TokenId, ConditionId], Awaitable[None]] | None,
    ) -> tuple[Sightings, Intake]:
        """Return what takes trades in, whoever delivers them, and what remembers who did."""
        engine, pace, metrics, time = self._engine, self._pace, self._metrics, self.time
        sightings = Sightings(
            engine,
            sources=[*(TradeSource(name) for name in self._whales), TradeSource.DATA_API],
            time=time,
            pace=pace,
            metrics=metrics,
            blind=self._replace,
        )
        skips = Skips(engine, self._venue.account, self.lanes, metrics, now=time.now, venue_now=time.venue_now)
        intake = Intake(
            holdings=holdings,
            sightings=sightings,
            skips=skips,
            recent=recent,
            limits=limits,
            pace=pace,
            metrics=metrics,
            outlet=self._outlet,
            lanes=self.lanes,
            time=time,
            prepare=prepare,
        )
        return sightings, intake

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop` is set, then hand over what was collected."""
        await self._begin()
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            **{name: partial(self._read_whales, name, feed) for name, feed in self._whales.items()},
            "market": self._read_books,
            "user": self._read_fills,
            "listen": self.followed.listen,
            "refresh": self.followed.keep_fresh,
            "backfill": self.backfill.run,
            "markets": self.markets.run,
            "overdue": self._raise_overdue,
            "marks": self._write_marks,
            "equity": self.equity.run,
            "feeds": self._write_feeds,
            "clock": self._keep_time,
            "liveness": self.liveness.run,
            "sightings": self.sightings.run,
        }
        tasks = [
            asyncio.create_task(keep_running(name, loop, self._metrics), name=f"watch {name}")
            for name, loop in loops.items()
        ]
        try:
            await stop.wait()
        finally:
            await asyncio.gather(*(end(task) for task in tasks))
            self.orders.close()
            self.intake.flush()
            left = await self.lanes.close(self._pace.drain_for)
            await self._write_sightings()
            log.info("watcher.stopped", undelivered=left)

    async def _begin(self) -> None:
        """Read the clock, whom to follow and what is held; wait for servers that do not answer yet."""
        while True:
            try:
                await self.time.refresh()
                await self.followed.refresh()
                return await self.backfill.begin()
            except Exception:  # at the start everything may still be coming up
                log.exception("watcher.waiting")
                await asyncio.sleep(RETRY_AFTER)

    async def _write_sightings(self) -> None:
        try:
            await self.sightings.write()
        except Exception:  # the database may have gone before us: sightings are statistics, not books
            log.exception("sightings.lost")

    async def _read_whales(self, name: str, feed: WhaleFeed) -> None:
        await self._read(name, feed, self._take_whale)

    async def _read_books(self) -> None:
        await self._read("market", self._books, self._take_book)

    async def _read_fills(self) -> None:
        await self._read("user", self._fills, self._take_fill)

    async def _read(self, name: str, feed: object, take: Callable[[object], Awaitable[None]]) -> None:
        """Read a feed in a task of its own, so that a silent one can be ended and opened again."""

        async def reading() -> None:
            items: AsyncIterator[object] = feed.__aiter__()  # type: ignore[attr-defined]
            async for item in items:
                self._metrics.websocket_events.labels(name, type(item).__name__).inc()
                await take(item)

        task = self._readers[name] = asyncio.create_task(reading(), name=f"read {name}")
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                # sooner than we are told again ourselves
                await end(task, again_s=0.2)
                raise
            self._lost(name, "silent")
        except Exception as error:
            self._lost(name, type(error).__name__)  # what was said while nobody read must be read elsewhere
            raise

    def _lost(self, name: str, cause: str) -> None:
        self._gap(FeedGap(feed=name, since=self._silent_since(name), until=self.time.now(), cause=cause))

    def _replace(self, name: str) -> None:
        task = self._readers.get(name)
        if task is not None:
            task.cancel()

    def last_message_at(self) -> dict[str, datetime]:
        """Return when each feed last said anything; one that never did counts since it was first listened for."""
        return {**self._venue.listening_since(), **self._venue.last_message_at()}

    def malformed(self) -> dict[str, dict[str, int]]:
        """Return how many messages of each feed could not be read so far, by reason."""
        return self._venue.malformed()

    def _silent_since(self, name: str) -> datetime:
        return self.last_message_at().get(name, self.time.now())

    def _gap(self, gap: FeedGap) -> None:
        log.warning("feed.gap", feed=gap.feed, since=gap.since.isoformat(), cause=gap.cause, healed=gap.healed)
        self._metrics.feed_gaps.labels(gap.feed).inc()
        if gap.feed == "market":
            self.markets.hint_all()
        elif gap.feed == "user":
            self.orders.catch_up(gap)
        elif not gap.healed:
            self.backfill.note_gap(gap)

    async def _retract(self, retracted: TradeRetracted) -> None:
        """Leave what we bought after a purchase that never happened; a sale that we followed cannot be undone."""
        trade = retracted.trade
        log.error("trade.retracted", whale=trade.whale, token=trade.token_id, side=trade.side, key=trade.key)
        self._metrics.retracted.labels(trade.side.value).inc()
        if trade.side is Side.BUY:
            await self.intake.take(taken_back(trade, retracted.seen_at))

    async def _take_whale(self, item: object) -> None:
        if isinstance(item, FeedGap):
            self._gap(item)
        elif isinstance(item, WhaleTrade):
            await self.intake.take(item)
        elif isinstance(item, TradeRetracted):
            await self._retract(item)

    async def _take_book(self, item: object) -> None:
        if isinstance(item, BookUpdate):
            self._tell(self.board.update(item))
            self.equity.update(item)
        elif isinstance(item, MarketUpdate):
            self.markets.hint(item)
        elif isinstance(item, FeedGap):
            self._gap(item)

    async def _take_fill(self, item: object) -> None:
        if isinstance(item, FillUpdate):
            self.orders.take(item)
        elif isinstance(item, OrderUnmatched):
            self.orders.take_unmatched(item)
        elif isinstance(item, FeedGap):
            self._gap(item)

    def _tell(self, crossings: list[Crossing]) -> None:
        for crossing in crossings:
            log.info("price.crossed", position=crossing.position_id, kind=crossing.kind)

            async def act(crossing: Crossing = crossing) -> None:
                await self._outlet.price_crossed(crossing)

            self.lanes.push(Delivery(key=f"price/{crossing.workflow_id}", kind=Kind.EXIT, act=act))

    def _tell_desk(self, cause: str, seen_at: datetime) -> None:
        act = partial(self._outlet.desk_should_look, cause, seen_at)
        self.lanes.push(Delivery(key="desk", kind=Kind.EXIT, act=act))

    async def _raise_overdue(self) -> None:
        while True:
            await asyncio.sleep(self._pace.overdue_every)
            self._tell(self.board.overdue(self.time.now()))

    async def _write_marks(self) -> None:
        written: dict[str, object] = {}
        while True:
            await asyncio.sleep(self._pace.marks_every)
            marks = self.board.marks()
            await set_marks(self._engine, {key: mark for key, mark in marks.items() if written.get(key) != mark})
            written = dict(marks)

    async def _write_feeds(self) -> None:
        while True:
            await asyncio.sleep(self._pace.silence_every)
            await write_feeds(
                self._engine,
                self._venue.account,
                self.last_message_at(),
                now=self.time.now(),
                now_venue=self.time.venue_now(),
            )

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(self._pace.clock_every)
            await self.time.read_again()


def _whale_feeds(venue: Venue) -> dict[str, WhaleFeed]:
    """Return the streams of whales' trades, by the name of their source."""
    chain = venue.chain_feed()
    return {"rtds": venue.whale_feed()} | ({} if chain is None else {"chain": chain})
