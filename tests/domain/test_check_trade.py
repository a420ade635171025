"""Trades nobody can use are named before any market is looked up."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.check_trade import check_trade
from remora.domain.decide import Skip
from remora.domain.limits import Limits
from remora.domain.reasons import SkipReason
from remora.domain.trades import TradeKind
from tests.domain.values import NOW, d, trade


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (SkipReason.MALFORMED, {"price": d("NaN")}),
        (SkipReason.MALFORMED, {"price": d("sNaN")}),
        (SkipReason.MALFORMED, {"size": d("Infinity")}),
        (SkipReason.SIZE_OUT_OF_RANGE, {"size": d("0")}),
        (SkipReason.SIZE_OUT_OF_RANGE, {"size": d("-5")}),
        (SkipReason.SIZE_OUT_OF_RANGE, {"size": d("10000001")}),
        (SkipReason.PRICE_OUT_OF_RANGE, {"price": d("0")}),
        (SkipReason.PRICE_OUT_OF_RANGE, {"price": d("1")}),
        (SkipReason.PRICE_OUT_OF_RANGE, {"price": d("-0.2")}),
        (SkipReason.FUTURE_DATED, {"happened_at": NOW + timedelta(seconds=5.001)}),
    ],
)
def test_an_unusable_trade_is_refused_with_its_reason(reason: SkipReason, changes: dict[str, object]) -> None:
    skip = check_trade(trade(**changes), now_venue=NOW, limits=Limits())

    assert skip is not None
    assert skip.reason is reason
    assert skip.detail


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"size": d("10000000")},
        {"happened_at": NOW + timedelta(seconds=5)},
        {"happened_at": NOW - timedelta(days=900)},
        {"kind": TradeKind.MERGE, "price": d("0")},
        {"kind": TradeKind.REDEEM, "price": d("1")},
    ],
)
def test_a_usable_trade_passes(changes: dict[str, object]) -> None:
    assert check_trade(trade(**changes), now_venue=NOW, limits=Limits()) is None


@given(price=st.decimals(), size=st.decimals())
def test_it_never_raises(price: Decimal, size: Decimal) -> None:
    result = check_trade(trade(price=price, size=size), now_venue=NOW, limits=Limits())

    assert result is None or isinstance(result, Skip)
