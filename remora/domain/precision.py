"""The venue's grids for prices, shares and dollars."""

from decimal import Decimal

from remora.domain.books import OrderBook
from remora.domain.limits import Limits
from remora.domain.money import ONE, ceil_to, floor_to

SHARE_QUANTUM = Decimal("0.01")
"""Order sizes have two decimals whatever the tick."""

CENT = Decimal("0.01")
"""A market purchase spends whole cents."""

SHARE_DECIMALS = {
    Decimal("0.1"): 3,
    Decimal("0.01"): 4,
    Decimal("0.005"): 5,
    Decimal("0.0025"): 6,
    Decimal("0.001"): 5,
    Decimal("0.0001"): 6,
}
"""Decimals to which the shares of a market purchase are floored when it is signed, by the market's tick."""

SHARE_GRIDS = {tick: ONE.scaleb(-decimals) for tick, decimals in SHARE_DECIMALS.items()}

PURCHASE_QUANTUM = Decimal("0.00001")
"""The venue refuses a market purchase whose shares have more than five decimals."""

FINEST_TICK = Decimal("0.0001")
"""Flooring the shares raises the implied price: it must stay below the next price of the finest grid."""

CENTS_TRIED = 500


def price_floor(price: Decimal, tick: Decimal) -> Decimal:
    """Return the highest valid price at or below `price`, within [tick, 1 - tick]."""
    return min(max(floor_to(price, tick), tick), ONE - tick)


def entry_limit(whale_price: Decimal, tick: Decimal, limits: Limits) -> Decimal:
    """Return the most we pay for what a whale bought at `whale_price`: a little worse, on tick, within (0, 1)."""
    return price_floor(whale_price + max(limits.drift_ticks * tick, limits.drift_min_usd), tick)


def price_ceil(price: Decimal, tick: Decimal) -> Decimal:
    """Return the lowest valid price at or above `price`, within [tick, 1 - tick]."""
    return min(max(ceil_to(price, tick), tick), ONE - tick)


def on_tick(price: Decimal, tick: Decimal) -> bool:
    """Whether the venue would accept `price`."""
    return tick <= price <= ONE - tick and price % tick == 0


def crossed_or_empty(book: OrderBook) -> bool:
    """Whether a book cannot be traded against: a side is missing or bids meet asks."""
    return book.spread is None or book.spread <= 0


def purchase_dollars(dollars: Decimal, price: Decimal, tick: Decimal) -> Decimal | None:
    """Return the most whole cents, at or below `dollars`, that a market purchase at `price` may spend.

    Not every sum can be signed: the shares it buys are floored to the tick's decimals, may have five at most, and
    must not imply a higher price. None when no sum within a few dollars can, or the tick is unknown.
    """
    quantum = SHARE_GRIDS.get(tick)
    if quantum is None:
        return None
    spent = floor_to(dollars, CENT)
    for _ in range(CENTS_TRIED):
        if spent <= 0:
            return None
        shares = floor_to(spent / price, quantum)
        if shares % PURCHASE_QUANTUM == 0 and spent < shares * (price + FINEST_TICK):
            return spent
        spent -= CENT
    return None
