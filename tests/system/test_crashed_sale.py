"""A worker that died between a sale's intent and its signature: the next run sells all the same."""

import pytest

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderRequest, OrderState, OrderType
from remora.domain.reasons import ExitReason
from remora.storage import orders
from schemas.position import CloseRequest
from tests.fixtures.desk import Desk, utc_now
from tests.fixtures.twin import TwinMarket
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def test_shares_of_a_sale_that_was_never_signed_are_sold(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        row = await desk.position(name)
        request = OrderRequest(
            token_id=TokenId(twin_market.yes),
            condition_id=ConditionId(twin_market.condition_id),
            side=Side.SELL,
            shares=row.books.shares,
            limit_price=row.whale_price,
            notional=None,
            order_type=OrderType.FAK,
        )
        now = utc_now()
        left = await orders.create_exit_intent(
            desk.engine,
            row.id,
            request,
            order_id=f"x-{row.id}-1-0.0",
            reason=ExitReason.STOP_LOSS,
            now=now,
            now_venue=now,
        )
        assert left is not None
        assert left.request.shares == row.books.shares
        view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        given_up = await orders.load_order(desk.engine, left.id)

    assert (view.state, given_up.state, given_up.reject_code) == ("closed", OrderState.REJECTED, "never_sent")
    await desk.assert_books_equal()
