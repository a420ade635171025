"""A venue that holds an order back and then finds nothing to match it with says so once, on the user channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from remora.settings import Settings
from remora.storage.orders import orders_of
from remora.storage.positions import load_position
from remora.telemetry.metrics import Metrics
from schemas.position import CloseRequest
from tests.fixtures.desk import Desk
from tests.fixtures.patience import SOON
from tests.fixtures.twin import TwinMarket
from tests.fixtures.waiting import until
from workers.watcher import run
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


@asynccontextmanager
async def watched(desk: Desk) -> AsyncIterator[None]:
    """Run a watcher."""
    settings, stop = Settings(), asyncio.Event()
    watching = asyncio.create_task(
        run(desk.client, desk.venue, desk.engine, settings, stop, metrics=Metrics(CollectorRegistry()))
    )
    try:
        await until(lambda: asyncio.sleep(0, desk.venue.last_message_at()), lambda said: "user" in said)
        yield
    finally:
        stop.set()
        await watching


async def quote(desk: Desk, market: TwinMarket, bid: float) -> None:
    await desk.twin.post("/quotes", token_id=market.yes, bid=bid, ask=round(bid + 0.01, 2))


async def theirs(desk: Desk, side: str) -> list[Any]:
    return [order["status"] for order in (await desk.twin.books())["orders"] if order["side"] == side]


async def test_a_purchase_that_matched_nothing_ends_without_a_person(desk: Desk, twin_market: TwinMarket) -> None:
    async with watched(desk), desk.worker(patience=SOON):
        await quote(desk, twin_market, 0.5)
        await desk.twin.post("/faults", kind="order_delayed", count=1, seconds=1.0)
        name = await desk.buy(twin_market)
        await until(lambda: theirs(desk, "BUY"), lambda found: found == ["DELAYED"])
        await quote(desk, twin_market, 0.8)

        result = await desk.handle(name).result()

    assert (result.state, result.skip_reason) == ("unfilled", None)
    [order] = await orders_of(desk.engine, result.position_id)
    assert (order.state, order.reject_code) == ("rejected", "unmatched")
    assert "UNMATCHED" in str(order.reject_message)
    # what the exchange has taken is not sent again
    assert order.send_attempts == 1
    assert await theirs(desk, "BUY") == ["UNMATCHED"]
    await desk.assert_books_equal()


async def test_a_sale_that_matched_nothing_is_sold_anew_without_a_person(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with watched(desk), desk.worker(patience=SOON):
        await quote(desk, twin_market, 0.5)
        name = await desk.buy(twin_market)
        held = await desk.position(name)
        await desk.twin.post("/faults", kind="order_delayed", count=1, seconds=1.0)
        closing = asyncio.create_task(
            desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        )
        await until(lambda: theirs(desk, "SELL"), lambda found: found == ["DELAYED"])
        await quote(desk, twin_market, 0.3)
        await closing
        assert (await desk.handle(name).result()).state == "closed"

    assert (await load_position(desk.engine, name)).id == held.id
    sales = [(row.state, row.reject_code, row.send_attempts) for row in await orders_of(desk.engine, held.id)][1:]
    assert sales == [("rejected", "unmatched", 1), ("done", None, 1)]
    assert sorted(await theirs(desk, "SELL")) == ["MATCHED", "UNMATCHED"]
    await desk.assert_books_equal()
