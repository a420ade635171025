"""The venue's grids for prices, shares and dollars."""

from decimal import Decimal

from remora.domain.books import OrderBook
from remora.domain.money import ONE, ceil_to, floor_to

SHARE_QUANTUM = Decimal("0.01")
"""Order sizes have two decimals whatever the tick."""

CENT = Decimal("0.01")
"""A market purchase spends whole cents."""


def price_floor(price: Decimal, tick: Decimal) -> Decimal:
    """Return the highest valid price at or below `price`, within [tick, 1 - tick]."""
    return min(max(floor_to(price, tick), tick), ONE - tick)


def price_ceil(price: Decimal, tick: Decimal) -> Decimal:
    """Return the lowest valid price at or above `price`, within [tick, 1 - tick]."""
    return min(max(ceil_to(price, tick), tick), ONE - tick)


def on_tick(price: Decimal, tick: Decimal) -> bool:
    """Whether the venue would accept `price`."""
    return tick <= price <= ONE - tick and price % tick == 0


def crossed_or_empty(book: OrderBook) -> bool:
    """Whether a book cannot be traded against: a side is missing or bids meet asks."""
    return book.spread is None or book.spread <= 0
