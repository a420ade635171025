"""When nothing more of an order can fill."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from remora.domain.ids import ConditionId, OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import Fill, FillStatus, OrderRequest, wholly_filled


def fill(shares: str, price: str) -> Fill:
    return Fill(
        trade_id=f"{shares}@{price}",
        order_digest=OrderDigest("0x1"),
        token_id=TokenId("1"),
        side=Side.BUY,
        shares=Decimal(shares),
        price=Decimal(price),
        fee=Decimal(0),
        status=FillStatus.MATCHED,
        matched_at=datetime(2026, 1, 1, tzinfo=UTC),
        transaction_hash="",
    )


@pytest.mark.parametrize(
    ("notional", "fills", "whole"),
    [
        (None, [], False),
        (None, [fill("9.99", "0.5")], False),
        (None, [fill("4", "0.5"), fill("6", "0.49")], True),
        # a purchase in dollars buys more shares below its limit, and rounding may keep less than a cent of it
        ("5.10", [fill("10", "0.5")], False),
        ("5.10", [fill("10.18", "0.501")], True),
    ],
)
def test_an_order_is_whole_by_its_own_denomination(notional: str | None, fills: list[Fill], whole: bool) -> None:
    request = OrderRequest(
        token_id=TokenId("1"),
        condition_id=ConditionId("0x1"),
        side=Side.BUY,
        shares=Decimal(10),
        limit_price=Decimal("0.51"),
        notional=None if notional is None else Decimal(notional),
    )

    assert wholly_filled(request, fills) is whole
