"""A burst of fills is one intent."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.aggregate import aggregate
from remora.domain.money import Side
from remora.domain.trades import TradeKind, WhaleTrade
from tests.domain.values import NOW, d, decimals, trade

bursts = st.lists(
    st.builds(
        lambda number, price, size, late: trade(
            key=f"k{number}",
            price=price,
            size=size,
            happened_at=NOW + timedelta(seconds=late),
            seen_at=NOW + timedelta(seconds=late + 2),
        ),
        st.integers(0, 10**6),
        decimals("0.01", "0.99", 4),
        decimals("0.01", "100000", 2),
        st.integers(0, 20),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda t: t.key,
)


def test_one_trade_is_its_own_signal() -> None:
    signal = aggregate([trade()])

    assert (signal.key, signal.trade_keys, signal.price, signal.size) == ("k1", ("k1",), d("0.50"), d("1000"))


def test_the_price_is_weighted_by_size() -> None:
    signal = aggregate(
        [trade(key="b", price=d("0.40"), size=d("300")), trade(key="a", price=d("0.60"), size=d("100"))]
    )

    assert signal.price == d("0.45")
    assert signal.size == d("400")
    assert signal.trade_keys == ("a", "b")


@given(trades=bursts, data=st.data())
def test_order_and_redelivery_change_nothing(trades: list[WhaleTrade], data: st.DataObject) -> None:
    again = data.draw(st.permutations(trades + data.draw(st.lists(st.sampled_from(trades), max_size=8))))

    assert aggregate(again) == aggregate(trades)


@given(trades=bursts)
def test_nothing_is_lost_and_the_price_lies_between_the_fills(trades: list[WhaleTrade]) -> None:
    signal = aggregate(trades)

    assert signal.size == sum((t.size for t in trades), Decimal(0))
    assert set(signal.trade_keys) == {t.key for t in trades}
    assert min(t.price for t in trades) <= signal.price <= max(t.price for t in trades)
    assert signal.seen_at == min(t.seen_at for t in trades)
    assert signal.happened_at == min(t.happened_at for t in trades)


@pytest.mark.parametrize(
    "other",
    [{"whale": "0x02"}, {"token_id": "72"}, {"side": Side.SELL}, {"kind": TradeKind.MERGE}],
)
def test_different_intents_do_not_mix(other: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="found 2 combinations"):
        aggregate([trade(), trade(key="k2", **other)])


def test_nothing_makes_no_signal() -> None:
    with pytest.raises(ValueError, match="at least one trade"):
        aggregate([])


def test_a_redemption_of_nothing_does_not_divide_by_zero() -> None:
    empty = {"size": d("0"), "kind": TradeKind.REDEEM}

    assert aggregate([trade(key="a", **empty), trade(key="b", **empty)]).price == d("0.50")
