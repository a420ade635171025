"""Tell positions what the venue says about their own orders."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.lanes import Delivery, Kind, Lanes
from remora.detection.outlet import OrderChange, Outlet, Unreachable
from remora.detection.recent_keys import RecentKeys
from remora.detection.venue_time import VenueTime
from remora.domain.ids import OrderDigest
from remora.domain.orders import Fill, FillStatus
from remora.storage.failures import may_pass
from remora.storage.fills import is_written
from remora.storage.orders import OrderRow, find_by_digest, note_unmatched
from remora.venues.venue import FeedGap, FillUpdate, OrderUnmatched, Trading, VenueUnavailable

log = structlog.get_logger(__name__)

REMEMBERED = 20_000

Answer = TypeVar("Answer")


class OwnOrders:
    """Finds the position of each fill and hands the change over, once per fill and status.

    That an order ended without a match is written down first: nobody who asks the venue later is told.

    The activity that sent an order follows it too: what it has written down within `grace` seconds is not told,
    because it would only lengthen the position's history. MINED and RETRYING change nothing.
    """

    def __init__(
        self, trading: Trading, engine: AsyncEngine, *, outlet: Outlet, lanes: Lanes, time: VenueTime, grace: float
    ) -> None:
        self._trading = trading
        self._engine = engine
        self._outlet = outlet
        self._lanes = lanes
        self._time = time
        self._grace = grace
        self._told = RecentKeys(REMEMBERED)
        self._due: dict[str, asyncio.TimerHandle] = {}

    def take(self, update: FillUpdate) -> None:
        """Take in one message of the user channel."""
        fill = update.fill
        if fill.status in (FillStatus.MINED, FillStatus.RETRYING):
            return
        key = f"{fill.trade_id}/{fill.order_digest}/{fill.status}"
        self._later(key, fill.order_digest, partial(self._forward, fill, update.seen_at))

    def take_unmatched(self, update: OrderUnmatched) -> None:
        """Take in that an order ended of which nothing had matched: who looks it up needs to know at once."""
        if self._later(f"unmatched/{update.digest}", update.digest, partial(self._tell_unmatched, update)):
            self._push(f"order/{update.digest}", partial(self._note, update))

    def _later(self, key: str, digest: OrderDigest, act: Callable[[], Awaitable[None]]) -> bool:
        """Do it once for each key, when its grace is over; return whether it is new."""
        if not self._told.add(key):
            return False
        loop = asyncio.get_running_loop()
        self._due[key] = loop.call_later(self._grace, self._tell, key, digest, act)
        return True

    @property
    def waiting(self) -> int:
        """How much news waits for its grace to end."""
        return len(self._due)

    def close(self) -> None:
        """Tell nothing more: what is not told, the next start's look at the exchange finds."""
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    def _tell(self, key: str, digest: OrderDigest, act: Callable[[], Awaitable[None]]) -> None:
        del self._due[key]
        self._push(f"order/{digest}", act)

    def catch_up(self, gap: FeedGap) -> None:
        """Read our own fills since the gap's beginning."""
        self._push("order/gap", partial(self._read_since, gap.since - timedelta(seconds=1)))

    async def _read_since(self, since: datetime) -> None:
        try:
            fills = await self._trading.fills(since=self._time.clock.venue_time(since))
        except VenueUnavailable as error:
            raise Unreachable(f"venue: {error}") from error
        for fill in fills:
            self.take(FillUpdate(fill=fill, seen_at=self._time.now()))

    async def _forward(self, fill: Fill, seen_at: datetime) -> None:
        found = await self._find(fill)
        if found is None:
            log.warning("fill.of_no_order", digest=fill.order_digest, trade=fill.trade_id, status=fill.status)
            return
        _, workflow_id = found
        if await self._written(fill):
            return
        await self._outlet.order_changed(
            OrderChange(workflow_id=workflow_id, digest=fill.order_digest, seen_at=seen_at)
        )

    async def _note(self, update: OrderUnmatched) -> None:
        await self._ask(note_unmatched(self._engine, update.digest, update.status))

    async def _tell_unmatched(self, update: OrderUnmatched) -> None:
        workflow_id = await self._ask(note_unmatched(self._engine, update.digest, update.status))
        if workflow_id is not None:
            log.info("order.unmatched", digest=update.digest, status=update.status)
            await self._outlet.order_changed(
                OrderChange(workflow_id=workflow_id, digest=update.digest, seen_at=update.seen_at)
            )

    async def _find(self, fill: Fill) -> tuple[OrderRow, str] | None:
        return await self._ask(find_by_digest(self._engine, fill.order_digest))

    async def _written(self, fill: Fill) -> bool:
        return await self._ask(is_written(self._engine, fill))

    async def _ask(self, question: Awaitable[Answer]) -> Answer:
        try:
            return await question
        except Exception as error:
            if may_pass(error):
                raise Unreachable(f"database: {type(error).__name__}") from error
            raise

    def _push(self, key: str, act: Callable[[], Awaitable[None]]) -> None:
        self._lanes.push(Delivery(key=key, kind=Kind.EXIT, act=act))
