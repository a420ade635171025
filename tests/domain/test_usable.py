"""Impossible numbers are found and described."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.usable import Bounded, book_numbers, first_unusable, market_numbers, usable_market
from tests.domain.values import book, d, market


def test_ordinary_markets_and_books_are_usable() -> None:
    assert first_unusable(market_numbers(market())) is None
    assert first_unusable(book_numbers(book())) is None


def test_the_first_bad_number_is_named_with_its_range() -> None:
    assert first_unusable(market_numbers(market(fee_rate=d("2")))) == "fee rate must lie in [0, 1], was 2"


@given(value=st.decimals())
def test_every_number_is_judged_without_raising(value: Decimal) -> None:
    problem = first_unusable([Bounded("x", value, d("0"), d("1"))])

    assert (problem is None) == (value.is_finite() and 0 <= value <= 1)


@given(
    fee_rate=st.decimals(),
    tick_size=st.one_of(st.decimals(), st.sampled_from([d("0.01"), d("0.001")])),
    min_order_size=st.one_of(st.decimals(), st.just(d("5"))),
    volume=st.one_of(st.decimals(), st.just(d("50000"))),
    exponent=st.integers(-1, 12),
)
def test_the_quick_look_at_a_market_agrees_with_the_one_that_names_the_problem(
    fee_rate: Decimal, tick_size: Decimal, min_order_size: Decimal, volume: Decimal, exponent: int
) -> None:
    odd = market(
        fee_rate=fee_rate,
        tick_size=tick_size,
        min_order_size=min_order_size,
        volume_24h_usd=volume,
        fee_exponent=exponent,
    )

    assert usable_market(odd) == (first_unusable(market_numbers(odd)) is None)
