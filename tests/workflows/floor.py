"""A trading floor on the twin: worker, watcher and desk on real servers, markets moved by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.tools import Tools
from remora.detection.pace import Pace
from remora.detection.watch import Watch
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.trades import TradeSource
from remora.storage.decisions import list_decisions
from remora.storage.desk import ensure_desk as ensure_desk_row
from remora.storage.desk import load_desk
from remora.storage.positions import PositionRow, list_positions
from remora.storage.roster import Follow, publish_roster
from remora.telemetry.metrics import Metrics
from remora.telemetry.tracing import Tracing
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from schemas.message import ClockMessage
from schemas.position import PositionInput, SignalMessage
from starters.desk import ensure_desk
from starters.position import deliver_signal
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from tests.fixtures.waiting import until
from workers.temporal_outlet import TemporalOutlet
from workers.trading import trading_worker

WHALES = [WalletAddress("0x" + f"{number:02x}" * 20) for number in range(0xA0, 0xA4)]


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


@dataclass
class Floor:
    """A desk that trades on a twin."""

    client: Client
    engine: AsyncEngine
    twin: RunningTwin
    venue: PolymarketVenue
    wall: Callable[[], datetime] = now
    trades: int = 0
    markets: dict[str, TwinMarket] = field(default_factory=dict)

    async def market(self, name: str, **facts: Any) -> TwinMarket:
        """List a deep market at 0.50 without a fee."""
        plain = {"price": 0.5, "category": "Geopolitics", "depth_usd": 20_000}
        self.markets[name] = await self.twin.list_market(f"Will {name} happen?", **(plain | facts))
        return self.markets[name]

    async def move(self, name: str, bid: str) -> None:
        """Move a market's touch: everybody sells at `bid` now."""
        ask = str(Decimal(bid) + Decimal("0.01"))
        await self.twin.post("/quotes", token_id=self.markets[name].yes, bid=bid, ask=ask, size="50000")

    async def crash(self, *names: str, to: str) -> None:
        """List markets, copy a whale's purchase in each, then let all of them fall."""
        for name in names:
            await self.market(name)
            await self.buy(name)
        await self.open(len(names))
        for name in names:
            await self.move(name, to)

    async def buy(self, name: str, whale: int = 0) -> dict[str, Any]:
        """Deliver a whale's purchase at the touch; return the decision about it."""
        market, clock, at = self.markets[name], await self.venue.clock(), self.wall()
        ask = (await self.venue.book(TokenId(market.yes))).best_ask
        assert ask is not None
        self.trades += 1
        key = f"t{self.trades}"
        signal = SignalMessage(
            key=key,
            trade_keys=(key,),
            whale=WHALES[whale],
            token_id=TokenId(market.yes),
            condition_id=ConditionId(market.condition_id),
            side=Side.BUY,
            price=ask,
            size=Decimal(1000),
            happened_at=clock.venue_time(at),
            seen_at=at,
            source=TradeSource.RTDS,
        )
        start = PositionInput(account=self.venue.account, mode="twin", clock=ClockMessage.of(clock), first=signal)
        await deliver_signal(self.client, start)
        found = await until(self._decisions, lambda rows: any(row["signal_key"] == key for row in rows))
        return next(row for row in found if row["signal_key"] == key)

    async def open(self, count: int) -> list[PositionRow]:
        """Return the open positions once they are `count` and hold shares."""

        def held(rows: list[PositionRow]) -> bool:
            return len(rows) == count and all(row.state == "open" and row.books.shares > 0 for row in rows)

        found: list[PositionRow] = await until(lambda: list_positions(self.engine, self.venue.account), held)
        return found

    async def marked_below(self, price: Decimal) -> None:
        """Wait until some position is marked below `price`."""

        def fell(rows: list[PositionRow]) -> bool:
            return any(row.mark_price is not None and row.mark_price < price for row in rows)

        await until(lambda: list_positions(self.engine, self.venue.account), fell)

    async def desk_is(self, holds: Callable[[Any], Any]) -> Any:
        """Return the desk row once it `holds`."""
        return await until(lambda: load_desk(self.engine, self.venue.account), holds)

    async def _decisions(self) -> list[dict[str, Any]]:
        return await list_decisions(self.engine, self.venue.account, limit=1000)


@asynccontextmanager
async def trading_floor(
    client: Client,
    engine: AsyncEngine,
    twin: RunningTwin,
    limits: Limits,
    *,
    edge: str = "0.30",
    wall: Callable[[], datetime] = now,
) -> AsyncIterator[Floor]:
    """Run worker, watcher and desk until the block ends; `wall` is their clock, and venue time runs with it."""
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    venue = await PolymarketVenue.create(endpoints, private_key=OUR_KEY)
    at, clock = wall(), await venue.clock()
    await ensure_desk_row(
        engine,
        venue.account,
        venue_mode="twin",
        cash=await venue.cash(),
        now=at,
        now_venue=clock.venue_time(at),
        day_zone=limits.day_zone,
    )
    follows = [Follow(whale=whale, edge=Decimal(edge), unproven=False) for whale in WHALES]
    await publish_roster(engine, follows, as_of=at, published_at=at, params={})
    tools = Tools(venue=venue, engine=engine, limits=limits, wall=wall)
    watch = Watch(
        venue,
        engine,
        TemporalOutlet(client, venue.account, mode="twin", tracer=Tracing(None).tracer),
        limits=limits,
        metrics=Metrics(CollectorRegistry()),
        now=wall,
        pace=Pace(portfolio_every=0.5, marks_every=0.5, desk_repeat_after=1.0, refresh_every=1.0, drain_for=1.0),
    )
    stop = asyncio.Event()
    try:
        async with trading_worker(client, tools):
            await ensure_desk(client, venue.account, mode="twin")
            watching = asyncio.create_task(watch.run(stop))
            try:
                yield Floor(client, engine, twin, venue, wall)
            finally:
                stop.set()
                await watching
    finally:
        await venue.close()
