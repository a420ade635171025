"""Numbers that no honest source sends, found before anything is computed from them."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from remora.domain.books import OrderBook
from remora.domain.market import Market
from remora.domain.money import HIGHEST, MICRO, MOST, ONE, ZERO

COARSEST = Decimal("0.5")
"""The widest grid of prices that leaves one between 0 and 1."""


class Bounded(NamedTuple):
    """A number and the range, ends included, that it must lie in."""

    name: str
    value: Decimal
    low: Decimal
    high: Decimal


def first_unusable(numbers: Iterable[Bounded]) -> str | None:
    """Return what is wrong with the first number that is not finite or out of range, None if all can be used."""
    for name, value, low, high in numbers:
        if not value.is_finite() or not low <= value <= high:
            return f"{name} must lie in [{low}, {high}], was {value}"
    return None


def usable_market(market: Market) -> bool:
    """Whether :func:`market_numbers` would find nothing wrong."""
    fee, tick, least, volume = market.fee_rate, market.tick_size, market.min_order_size, market.volume_24h_usd
    return (
        1 <= market.fee_exponent <= 10
        and (fee.is_finite() and tick.is_finite() and least.is_finite() and volume.is_finite())
        and ZERO <= fee <= ONE
        and MICRO <= tick <= COARSEST
        and ZERO <= least <= MOST
        and -MOST <= volume <= MOST
    )


def market_numbers(market: Market) -> Iterator[Bounded]:
    """Yield what the venue says about a market and we compute with."""
    yield Bounded("fee rate", market.fee_rate, ZERO, ONE)
    yield Bounded("fee exponent", Decimal(market.fee_exponent), ONE, Decimal(10))
    yield Bounded("tick size", market.tick_size, MICRO, COARSEST)
    yield Bounded("minimum order size", market.min_order_size, ZERO, MOST)
    yield Bounded("24 h volume", market.volume_24h_usd, -MOST, MOST)


def usable_book(book: OrderBook) -> bool:
    """Whether every price and size of a book can be used: :func:`book_numbers` would find nothing wrong."""
    return book.sound


def book_numbers(book: OrderBook) -> Iterator[Bounded]:
    """Yield every price and size of a book."""
    for level in (*book.bids, *book.asks):
        yield Bounded("price in the book", level.price, MICRO, HIGHEST)
        yield Bounded("size in the book", level.size, ZERO, MOST)
