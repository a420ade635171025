"""The identity of a trade does not depend on who tells of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import Side
from remora.domain.trade_key import trade_key
from remora.domain.trades import TradeKind
from tests.domain.values import d, decimals

ORDINARY: dict[str, object] = {
    "transaction_hash": "0xAbC1",
    "whale": "0xAa",
    "token_id": "71",
    "side": Side.BUY,
    "size": d("12.5"),
    "price": d("0.5"),
    "kind": TradeKind.TRADE,
}


def key(**changes: object) -> str:
    return trade_key(**(ORDINARY | changes))  # type: ignore[arg-type]


@given(size=decimals("0.000001", "10000000", 6), price=decimals("0.0001", "0.9999", 4), zeros=st.integers(0, 12))
def test_case_and_trailing_zeros_do_not_matter(size: Decimal, price: Decimal, zeros: int) -> None:
    longer = d(f"{size:f}" + "0" * zeros)
    as_float = d(repr(float(price)))

    assert key(size=size, price=price) == key(size=longer, price=as_float, transaction_hash="0xaBc1", whale="0xaA")


@pytest.mark.parametrize(
    "change",
    [
        {"transaction_hash": "0xabc2"},
        {"whale": "0xab"},
        {"token_id": "72"},
        {"side": Side.SELL},
        {"size": d("12.500001")},
        {"price": d("0.51")},
        {"kind": TradeKind.MERGE},
    ],
)
def test_every_part_makes_a_difference(change: dict[str, object]) -> None:
    assert key(**change) != key()
