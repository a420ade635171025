"""Rounding onto the venue's grids."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import ceil_to, floor_to, from_micros, micros
from remora.domain.precision import crossed_or_empty, on_tick, price_ceil, price_floor
from tests.domain.values import TICKS, book, books, d, decimals

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
