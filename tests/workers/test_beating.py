"""Heartbeats as a dead man's switch: a resting order lives while we do, and our position notices its end."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from remora.domain.orders import OrderState
from remora.storage import orders
from schemas.position import CloseRequest, OrderChanged
from tests.fixtures.desk import Desk, running_desk, utc_now
from tests.fixtures.twin import RunningTwin, TwinMarket
from tests.fixtures.waiting import eventually, until
from workers.beating import beating
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


@pytest.fixture
async def desk(temporal_client: Client, engine: AsyncEngine, twin: RunningTwin) -> AsyncIterator[Desk]:
    """Give a desk whose worker does not run yet."""
    async with running_desk(temporal_client, engine, twin) as made:
        yield made


async def statuses(desk: Desk) -> dict[str, str]:
    return {order["id"]: order["status"] for order in (await desk.twin.books())["orders"]}


async def test_a_resting_order_ends_with_its_sender_and_the_position_notices(
    desk: Desk, twin_market: TwinMarket
) -> None:
    exchange = desk.twin.twin.exchange

    async def beats() -> int:
        found = (await desk.twin.get("/faults"))["requests"]
        return int(found.get("clob POST /v1/heartbeats", 0))

    async with desk.worker():
        name = await desk.buy(twin_market)
        row = await desk.position(name)
        async with beating(desk.venue, desk.engine, every=timedelta(milliseconds=20)):
            assert not await orders.any_rests(desk.engine, desk.venue.account)
            assert await beats() == 0
            digest = await desk.rest(row.id, twin_market, name="rest-1", price="0.95")
            await until(beats, lambda sent: sent >= 3)
            exchange.advance(now=utc_now(), wall=utc_now() + timedelta(seconds=9))
            assert (await statuses(desk))[digest] == "LIVE"
        # the sender is gone: eleven seconds later the exchange has cancelled
        exchange.advance(now=utc_now(), wall=utc_now() + timedelta(seconds=11))
        assert (await statuses(desk))[digest] == "CANCELED"
        news = OrderChanged(digest=digest, seen_at=utc_now())
        await desk.handle(name).signal(PositionWorkflow.order_changed, news)

        async def noticed() -> bool:
            return (await orders.load_order(desk.engine, "rest-1")).state is OrderState.DONE

        await eventually(noticed, "the position to notice that its order is gone")
        # an exit withdraws what rests; the fill that crossed the cancellation is booked
        crossed = await desk.rest(row.id, twin_market, name="rest-2", price="0.60")
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.7, ask=0.71)
        view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        assert view.state == "closed"
        assert not await orders.any_rests(desk.engine, desk.venue.account)

    await desk.assert_books_equal()
    filled = [fill["shares"] for fill in (await desk.twin.books())["fills"] if fill["order_id"] == crossed]
    assert [Decimal(shares) for shares in filled] == [Decimal(10)]
