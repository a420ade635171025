"""Dollars, shares and prices: exact decimals on the venue's grids."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

MICRO = Decimal("0.000001")
"""pUSD and outcome shares both have six decimals."""

ZERO = Decimal(0)
ONE = Decimal(1)

MOST = Decimal(10) ** 15
"""More dollars or shares than there are."""

LEAST = -MOST
"""What nobody can owe."""

HIGHEST = ONE - MICRO
"""The highest price that anything below 1 has."""


class Side(StrEnum):
    """What a trade or an order does to the holder's shares."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


def floor_to(value: Decimal, quantum: Decimal) -> Decimal:
    """Return the largest multiple of `quantum` that is not above `value`."""
    return (value / quantum).to_integral_value(ROUND_FLOOR) * quantum


def ceil_to(value: Decimal, quantum: Decimal) -> Decimal:
    """Return the smallest multiple of `quantum` that is not below `value`."""
    return (value / quantum).to_integral_value(ROUND_CEILING) * quantum


def micros(value: Decimal) -> int:
    """Return `value` in the venue's base units (millionths), rounded towards zero."""
    return int(value.scaleb(6))


def from_micros(units: int) -> Decimal:
    """Return base units (millionths) as dollars or shares."""
    return Decimal(units).scaleb(-6)
