"""The venue's taker fee."""

from decimal import Decimal

from remora.domain.money import ONE, floor_to

FEE_QUANTUM = Decimal("0.00001")


def taker_fee(shares: Decimal, price: Decimal, rate: Decimal, exponent: int = 1) -> Decimal:
    """Return the fee in dollars for taking `shares` at `price`, floored to five decimals.

    ``fee = shares * rate * (price * (1 - price)) ** exponent``: a purchase pays it on top, a sale out of the
    proceeds. Flooring, not rounding, matches every fee found on chain.
    """
    if shares < 0 or rate < 0:
        raise ValueError(f"shares and rate must not be negative, were {shares} and {rate}")
    if not 0 <= price <= 1:
        raise ValueError(f"price must lie in [0, 1], was {price}")
    return floor_to(shares * rate * (price * (ONE - price)) ** exponent, FEE_QUANTUM)
