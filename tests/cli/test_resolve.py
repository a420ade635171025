"""What a person says of an order is held against what the order can have come to."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from remora.cli.errors import CommandFailed, Exit
from remora.cli.main import run
from remora.cli.resolve import Finding, _request
from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderRequest, OrderState, Purpose, SignedOrder
from remora.storage.orders import OrderRow

D = Decimal


def order(side: Side, *, notional: str | None = None) -> OrderRow:
    return OrderRow(
        id="o-1",
        account=AccountId("0x1"),
        position_id="p-1",
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        exit_reason=None,
        request=OrderRequest(
            token_id=TokenId("7"),
            condition_id=ConditionId("0x2"),
            side=side,
            shares=D(100),
            limit_price=D("0.50"),
            notional=None if notional is None else D(notional),
        ),
        state=OrderState.UNKNOWN,
        signed=SignedOrder(digest=OrderDigest("0x3"), payload="{}"),
        reject_code=None,
        reject_message=None,
        send_attempts=1,
        decided_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def found(**terms: Any) -> Finding:
    values: dict[str, Any] = {
        "filled": True,
        "shares": None,
        "price": None,
        "fee": D(0),
        "order": None,
        "by": "ann",
    }
    return Finding(**(values | terms))


@pytest.mark.parametrize("terms", [("--shares", "0"), ("--price", "0"), ("--price", "1.5")])
def test_a_fill_of_nothing_or_at_no_price_is_a_mistake(terms: tuple[str, str], capsys: Any) -> None:
    assert run(["resolve", "p-1", "--filled", *terms]) == Exit.USAGE
    assert terms[0] in capsys.readouterr().err


def test_the_orders_own_terms_hold_where_nothing_is_said() -> None:
    told = _request(order(Side.SELL), found())
    assert (told.shares, told.price) == (D(100), D("0.50"))
    # a purchase spends dollars: a better price buys more shares
    assert _request(order(Side.BUY, notional="50"), found(shares=D(125), price=D("0.40"))).shares == 125


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        (order(Side.SELL), {"shares": D("100.01")}),
        (order(Side.BUY, notional="50"), {"shares": D(126), "price": D("0.40")}),
    ],
)
def test_no_order_fills_more_than_was_asked_for(asked: OrderRow, terms: dict[str, Decimal]) -> None:
    with pytest.raises(CommandFailed, match="can have filled") as refused:
        _request(asked, found(**terms))
    assert refused.value.code is Exit.USAGE
