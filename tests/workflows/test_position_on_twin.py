"""A position on the exchange's real protocols: our books must equal the exchange's."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.tools import Tools
from remora.domain.ids import ConditionId, TokenId
from remora.domain.limits import Limits
from remora.domain.money import Side
from remora.domain.trades import TradeSource
from remora.storage.books import our_books
from remora.storage.desk import ensure_desk
from remora.storage.roster import Follow, publish_roster
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from schemas.message import ClockMessage
from schemas.position import CloseRequest, PositionInput, SignalMessage, position_workflow_id
from starters.position import deliver_signal
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from workers.trading import trading_worker
from workflows.position import PositionWorkflow

from .conftest import WHALE

pytestmark = pytest.mark.system


async def test_books_equal_after_a_round_trip(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    now = datetime.now(UTC)
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    clock = await venue.clock()
    book = await venue.book(TokenId(twin_market.yes))
    assert book.best_ask is not None
    await ensure_desk(
        engine,
        venue.account,
        venue_mode="twin",
        cash=await venue.cash(),
        now=now,
        now_venue=clock.venue_time(now),
    )
    await publish_roster(
        engine,
        [Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False)],
        as_of=now,
        published_at=now,
        params={},
    )
    first = SignalMessage(
        key="k1",
        trade_keys=("k1",),
        whale=WHALE,
        token_id=TokenId(twin_market.yes),
        condition_id=ConditionId(twin_market.condition_id),
        side=Side.BUY,
        price=book.best_ask,
        size=Decimal(1000),
        happened_at=clock.venue_time(now),
        seen_at=now,
        source=TradeSource.RTDS,
    )
    limits = Limits(volume_24h_min_usd=Decimal(0), spread_max=Decimal(1))
    tools = Tools(venue=venue, engine=engine, limits=limits, wall=lambda: datetime.now(UTC))
    async with trading_worker(temporal_client, tools):
        start = PositionInput(account=venue.account, mode="twin", clock=ClockMessage.of(clock), first=first)
        await deliver_signal(temporal_client, start)
        handle = temporal_client.get_workflow_handle_for(
            PositionWorkflow.run, position_workflow_id(venue.account, WHALE, first.token_id)
        )
        await handle.execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        result = await handle.result()
    await venue.close()
    ours = await our_books(engine, venue.account)

    assert (result.state.value, result.skip_reason) == ("closed", None)
    assert sum(ours.shares.values()) < Decimal("0.01")
    assert ours.cash == await twin.cash()
