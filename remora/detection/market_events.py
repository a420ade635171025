"""Tell positions when their market stops, is proposed, disputed or resolved."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

import structlog

from remora.detection.holdings import Holdings
from remora.detection.lanes import Delivery, Kind, Lanes
from remora.detection.outlet import MarketChange, Outlet
from remora.detection.pace import Pace
from remora.detection.venue_time import VenueTime
from remora.domain.ids import ConditionId
from remora.domain.market import Market, ResolutionStatus
from remora.venues.venue import MarketData, MarketUpdate, VenueError

log = structlog.get_logger(__name__)

BATCH = 50
"""Markets asked for at once."""

_Facts = tuple[bool, bool, ResolutionStatus]
NORMAL: _Facts = (True, False, ResolutionStatus.OPEN)


class MarketEvents:
    """Polls the facts of held markets, sooner when the stream hints at a change, and hands over differences."""

    def __init__(
        self,
        data: MarketData,
        *,
        outlet: Outlet,
        lanes: Lanes,
        holdings: Holdings,
        time: VenueTime,
        pace: Pace,
    ) -> None:
        self._data = data
        self._outlet = outlet
        self._lanes = lanes
        self._holdings = holdings
        self._time = time
        self._pace = pace
        self._told: dict[tuple[str, ConditionId], _Facts] = {}
        self._hinted: set[ConditionId] = set()
        self._wake = asyncio.Event()

    def hint(self, update: MarketUpdate) -> None:
        """Have a market read at once, because the stream says that something about it changed."""
        self._hinted.add(update.condition_id)
        self._wake.set()

    def hint_all(self) -> None:
        """Have every held market read at once, because the stream was down."""
        self._hinted |= self._holdings.conditions
        self._wake.set()

    def interval(self) -> float:
        """Return wall-clock seconds between polls: fewer when venue time runs fast."""
        wall = self._time.clock.wall_duration(self._pace.market_every).total_seconds()
        return min(max(wall, self._pace.market_every_min), self._pace.market_every_max)

    async def run(self) -> None:
        """Poll for ever."""
        loop = asyncio.get_running_loop()
        next_poll = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(next_poll):
                    await self._wake.wait()
            except TimeoutError:
                next_poll = loop.time() + self.interval()
                wanted = set(self._holdings.conditions)
            else:
                wanted = self._hinted & self._holdings.conditions
            self._wake.clear()
            self._hinted.clear()
            try:
                await self.poll(wanted)
            except VenueError as error:
                log.warning("markets.unread", markets=len(wanted), cause=str(error))

    async def poll(self, conditions: Collection[ConditionId]) -> None:
        """Read markets and hand over what their positions have not been told."""
        ordered = sorted(conditions)
        for start in range(0, len(ordered), BATCH):
            self._compare(await self._data.markets(ordered[start : start + BATCH]))
        open_now = {(held.workflow_id, held.condition_id) for held in self._holdings.held}
        self._told = {key: facts for key, facts in self._told.items() if key in open_now}

    def _compare(self, markets: Sequence[Market]) -> None:
        for market in markets:
            facts = (market.accepting_orders, market.closed, market.resolution)
            for held in self._holdings.of_market(market.condition_id):
                key = (held.workflow_id, market.condition_id)
                if self._told.get(key, NORMAL) != facts:
                    self._tell(held.workflow_id, market)
                self._told[key] = facts

    def _tell(self, workflow_id: str, market: Market) -> None:
        log.info("market.changed", market=market.slug, resolution=market.resolution, closed=market.closed)
        change = MarketChange(
            workflow_id=workflow_id,
            condition_id=market.condition_id,
            accepting_orders=market.accepting_orders,
            closed=market.closed,
            resolution=market.resolution,
            seen_at=self._time.now(),
        )
        self._lanes.push(
            Delivery(key=f"market/{workflow_id}", kind=Kind.EXIT, act=partial(self._outlet.market_changed, change))
        )
