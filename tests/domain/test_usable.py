"""Impossible numbers are found and described."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.usable import Bounded, book_numbers, first_unusable, market_numbers
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
