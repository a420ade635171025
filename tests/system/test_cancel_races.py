"""Cancellations that cross fills: whatever wins at the exchange, the books say the same."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from remora.domain.money import Side
from remora.domain.precision import SHARE_QUANTUM
from remora.storage import orders
from schemas.position import CloseRequest
from tests.fixtures.desk import WHALES, Desk
from tests.fixtures.twin import TwinMarket
from tests.system.conftest import WorkerProcess
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(180)]
RESTS = Decimal(10)


async def filled(desk: Desk) -> Counter[str]:
    """Return the shares that each order filled, as the exchange has it."""
    found: Counter[str] = Counter()
    for fill in (await desk.twin.books())["fills"]:
        found[fill["order_id"]] += Decimal(fill["shares"])  # type: ignore[assignment]
    return found


async def test_resting_sales_are_withdrawn_by_one_process_while_another_fills_them(
    desk: Desk, twin_market: TwinMarket, worker_process: WorkerProcess
) -> None:
    second = await desk.twin.list_market("Will it hold too?", price=0.5, category="Politics")
    markets = (twin_market, twin_market, second, second)

    async def bid(price: str, size: str) -> None:
        ask = str(Decimal(price) + Decimal("0.01"))
        for market in (twin_market, second):
            await desk.twin.post("/quotes", token_id=market.yes, bid=price, ask=ask, size=size)

    async with worker_process():
        names = [await desk.buy(market, whale=whale) for market, whale in zip(markets, WHALES, strict=True)]
        rows = [await desk.position(name) for name in names]
        digests = [
            await desk.rest(row.id, market, name=f"rest-{row.id}", price="0.60")
            for row, market in zip(rows, markets, strict=True)
        ]
        # four shares of the first fill before anybody cancels, the others are bid for while they are withdrawn
        await bid("0.60", "4")
        assert (await filled(desk))[digests[0]] == 4
        closing = [
            asyncio.create_task(desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me")))
            for name in names
        ]
        for _ in range(3):
            await bid("0.60", "6")
        await bid("0.59", "50000")
        assert {(await done).state for done in closing} == {"closed"}
        assert not await orders.any_rests(desk.engine, desk.venue.account)

    await desk.assert_books_equal()
    sold = await filled(desk)
    for row, digest in zip(rows, digests, strict=True):
        theirs = [one for one in await orders.orders_of(desk.engine, row.id) if one.request.side is Side.SELL]
        left = row.books.shares - sum(sold[one.signed.digest] for one in theirs if one.signed is not None)
        assert 0 <= left < SHARE_QUANTUM
        assert 0 <= sold[digest] <= RESTS
