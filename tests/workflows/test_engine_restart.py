"""The venue's engine restarts while a position wants out: the exit waits for it, and is not given up."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.tools import Patience, Tools
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

ROUNDS = 2


async def _refused(engine: AsyncEngine, code: str, *, more_than: int) -> None:
    """Wait until more exits were refused than an exit has rounds."""
    for _ in range(600):
        async with engine.connect() as connection:
            rows = (
                await connection.execute(text("SELECT state, reject_code FROM orders WHERE purpose = 'exit'"))
            ).all()
        if sum(row.reject_code == code for row in rows) > more_than:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"expected more than {more_than} refusals as {code}, found {rows}")


async def _opened(engine: AsyncEngine) -> None:
    for _ in range(400):
        async with engine.connect() as connection:
            if await connection.scalar(text("SELECT count(*) FROM positions WHERE state = 'open'")):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("expected an open position")


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("restarting", "venue_restarting"),
        ("post_only", "post_only_mode"),
        ("cancel_only", "cancel_only_mode"),
    ],
)
async def test_an_exit_outlasts_a_mode_of_the_venue(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin, twin_market: TwinMarket, mode: str, code: str
) -> None:
    now = datetime.now(UTC)
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    clock, book = await venue.clock(), await venue.book(TokenId(twin_market.yes))
    assert book.best_ask is not None
    await ensure_desk(
        engine,
        venue.account,
        venue_mode="twin",
        cash=await venue.cash(),
        now=now,
        now_venue=clock.venue_time(now),
    )
    follow = Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False)
    await publish_roster(engine, [follow], as_of=now, published_at=now, params={})
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
    tools = Tools(
        venue=venue,
        engine=engine,
        limits=Limits(volume_24h_min_usd=Decimal(0), spread_max=Decimal(1)),
        wall=lambda: datetime.now(UTC),
        patience=Patience(sale_rounds=ROUNDS, mode_pause=timedelta(milliseconds=50)),
    )
    async with trading_worker(temporal_client, tools):
        await deliver_signal(
            temporal_client,
            PositionInput(account=venue.account, mode="twin", clock=ClockMessage.of(clock), first=first),
        )
        await _opened(engine)
        await twin.post("/access", mode=mode)
        handle = temporal_client.get_workflow_handle_for(
            PositionWorkflow.run, position_workflow_id(venue.account, WHALE, first.token_id)
        )
        closing = asyncio.create_task(handle.execute_update(PositionWorkflow.close, CloseRequest(by="me")))
        await _refused(engine, code, more_than=ROUNDS + 1)
        await twin.post("/access", mode="normal")
        await closing
        result = await handle.result()
    ours = await our_books(engine, venue.account)
    await venue.close()

    assert result.state.value == "closed"
    assert sum(ours.shares.values()) < Decimal("0.01")
    assert ours.cash == await twin.cash()
