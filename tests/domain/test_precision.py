"""Rounding onto the venue's grids."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.context import MIN_SUPPORTED_TICK_SIZE
from polymarket._internal.actions.orders.market import _compute_market_order_amounts

from remora.domain.money import ceil_to, floor_to, from_micros, micros
from remora.domain.precision import CENT, crossed_or_empty, on_tick, price_ceil, price_floor, purchase_dollars
from tests.domain.values import TICKS, book, books, d, decimals, prices

quanta = st.sampled_from([*TICKS, d("0.000001"), d("1")])


@given(value=decimals("-1000000", "1000000", 8), quantum=quanta)
def test_floor_and_ceil_enclose_the_value_on_the_grid(value: Decimal, quantum: Decimal) -> None:
    low, high = floor_to(value, quantum), ceil_to(value, quantum)

    assert low <= value <= high
    assert low % quantum == 0
    assert high % quantum == 0
    assert high - low in (0, quantum)


@given(price=decimals("-2", "2", 7), tick=st.sampled_from(TICKS))
def test_every_price_is_brought_onto_the_tick_and_inside(price: Decimal, tick: Decimal) -> None:
    low, high = price_floor(price, tick), price_ceil(price, tick)

    assert on_tick(low, tick)
    assert on_tick(high, tick)
    assert low <= high
    assert low <= price or low == tick
    assert high >= price or high == 1 - tick


@given(units=st.integers(-(10**20), 10**20))
def test_base_units_survive_the_round_trip(units: int) -> None:
    assert micros(from_micros(units)) == units


@given(ladder=books())
def test_an_uncrossed_book_is_tradable_exactly_with_both_sides(ladder: object) -> None:
    assert crossed_or_empty(ladder) == (not ladder.bids or not ladder.asks)  # type: ignore[arg-type, attr-defined]


def test_a_locked_book_is_not_tradable() -> None:
    assert crossed_or_empty(book(bids=(("0.5", "1"),), asks=(("0.5", "1"),)))


@given(dollars=decimals("1", "5000", 6), tick=st.sampled_from(TICKS), data=st.data())
def test_what_may_be_spent_is_what_the_official_client_can_sign(
    dollars: Decimal, tick: Decimal, data: st.DataObject
) -> None:
    price = data.draw(prices(tick))
    spent = purchase_dollars(dollars, price, tick)

    if spent is None:
        assert dollars < 5
        return
    assert spent <= dollars
    assert spent % CENT == 0
    maker, taker = _compute_market_order_amounts(amount=spent, price=price, side="BUY", tick_size=tick)
    assert maker % 10_000 == 0
    assert taker % 10 == 0
    assert from_micros(maker) / from_micros(taker) < price + MIN_SUPPORTED_TICK_SIZE


@given(dollars=decimals("1", "5000", 2), cents=st.integers(1, 99))
def test_at_a_cents_tick_hardly_a_dollar_is_lost(dollars: Decimal, cents: int) -> None:
    spent = purchase_dollars(dollars, d("0.01") * cents, d("0.01"))

    assert spent is not None
    assert dollars - spent <= d("0.01")


def test_an_unknown_tick_buys_nothing() -> None:
    assert purchase_dollars(d("100"), d("0.5"), d("0.02")) is None
