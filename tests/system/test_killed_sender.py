"""The process that sends an order is killed while the exchange has it and no reply has come."""

import asyncio

import pytest

from remora.domain.exits import CrossingKind
from remora.storage.orders import orders_of
from schemas.position import PriceCrossed
from tests.fixtures.desk import Desk, utc_now
from tests.fixtures.twin import TwinMarket
from tests.fixtures.waiting import until
from tests.system.conftest import WorkerProcess
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(180)]


async def reached_the_exchange(desk: Desk, *sides: str) -> None:
    """Wait until the exchange has taken orders on these sides."""

    async def seen() -> list[str]:
        return [order["side"] for order in (await desk.twin.books())["orders"]]

    await until(seen, lambda found: found == list(sides))


async def killed_while_waiting(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def test_an_entry_whose_sender_died_before_the_reply_is_adopted_and_not_sent_twice(
    desk: Desk, twin_market: TwinMarket, worker_process: WorkerProcess
) -> None:
    async with worker_process() as process:
        # the exchange takes the order and says nothing for longer than the sender lives
        await desk.twin.post("/faults", kind="timeout_after_accept", count=1)
        name = await desk.buy(twin_market)
        await reached_the_exchange(desk, "BUY")
        await killed_while_waiting(process)
    async with desk.worker():
        row = await desk.position(name)
        assert (await desk.reconcile()).open_questions == 0

    [order] = await orders_of(desk.engine, row.id)
    assert (order.state, order.finished) == ("done", True)
    await reached_the_exchange(desk, "BUY")
    await desk.assert_books_equal()


async def test_an_exit_whose_sender_died_before_the_reply_sells_once(
    desk: Desk, twin_market: TwinMarket, worker_process: WorkerProcess
) -> None:
    async with worker_process() as process:
        name = await desk.buy(twin_market)
        row = await desk.position(name)
        await desk.twin.post("/faults", kind="timeout_after_accept", count=1)
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.3, ask=0.31)
        assert row.stop_price is not None
        crossing = PriceCrossed(
            position_id=row.id,
            kind=CrossingKind.STOP_LOSS,
            executable_price=row.stop_price,
            updates=2,
            seen_at=utc_now(),
        )
        await desk.handle(name).signal(PositionWorkflow.price_crossed, crossing)
        await reached_the_exchange(desk, "BUY", "SELL")
        await killed_while_waiting(process)
    async with desk.worker():
        result = await desk.handle(name).result()

    assert (result.state, result.exit_reason) == ("closed", "stop_loss")
    await reached_the_exchange(desk, "BUY", "SELL")
    await desk.assert_books_equal()
