"""Prices, depth and stakes of the copying strategy in plain floats, for the nautilus_trader run."""

# mypy: ignore-errors

from collections.abc import Iterator
from functools import cache
from math import ceil, floor

LEVELS, GROWTH = 8, 0.35
Levels = tuple[tuple[float, float], ...]


def down(value: float, decimals: int) -> float:
    """Return `value` rounded down to decimals, forgiving what floats lose."""
    scale = 10.0**decimals
    return floor(value * scale + 1e-6) / scale


def up(value: float, decimals: int) -> float:
    """Return `value` rounded up to decimals, forgiving what floats add."""
    scale = 10.0**decimals
    return ceil(value * scale - 1e-6) / scale


def price_down(price: float, unit: int) -> float:
    """Return the highest price on the grid at or below `price`."""
    return min(max(floor(price * unit + 1e-6), 1), unit - 1) / unit


def price_up(price: float, unit: int) -> float:
    """Return the lowest price on the grid at or above `price`."""
    return min(max(ceil(price * unit - 1e-6), 1), unit - 1) / unit


def touch_of(price: float, unit: int, spread: int, *, buying: bool) -> tuple[int, int]:
    """Return best bid and ask in ticks that a print leaves behind."""
    if buying:
        ask = ceil(price * unit - 1e-6)
        bid = ask - spread
    else:
        bid = floor(price * unit + 1e-6)
        ask = bid + spread
    width = ask - bid
    if bid < 1:
        bid, ask = 1, min(1 + width, unit - 1)
    if ask > unit - 1:
        bid, ask = max(unit - 1 - width, 1), unit - 1
    return (ask - 1 if bid >= ask else bid), ask


@cache
def ladder(bid: int, ask: int, unit: int, depth: float) -> tuple:
    """Return (bids, asks) of each outcome around a touch of outcome 0, as (price, shares), best first."""
    bids = tuple(_side(range(bid, max(0, bid - LEVELS), -1), unit, depth))
    asks = tuple(_side(range(ask, min(unit, ask + LEVELS)), unit, depth))
    other = tuple((round(1 - p, 6), s) for p, s in asks), tuple((round(1 - p, 6), s) for p, s in bids)
    return (bids, asks), other


def _side(ticks: range, unit: int, depth: float) -> Iterator:
    for place, tick in enumerate(ticks):
        price = tick / unit
        yield price, down(depth * (1 + GROWTH * place) / max(price, 1 - price), 2)


def met(levels: Levels, shares: float, limit: float | None = None) -> tuple[float, float]:
    """Return shares and dollars that an order of `shares` would meet on a side, asks no further than `limit`."""
    left, dollars = shares, 0.0
    for price, size in levels:
        if left <= 0 or (limit is not None and price > limit + 1e-9):
            break
        taken = min(left, size)
        left -= taken
        dollars += taken * price
    return shares - left, dollars


def executable(bids: Levels, shares: float) -> float:
    """Return the depth-weighted bid for `shares`."""
    if shares <= bids[0][1]:
        return bids[0][0]
    sold, dollars = met(bids, shares)
    return down(dollars / sold, 6)


def purchase(stake: float, limit: float, unit: int) -> float:
    """Return the whole cents at or below `stake` that may be spent at `limit`, 0 without any."""
    spent, decimals = down(stake, 2), 4 if unit == 100 else 5
    while spent > 0 and spent >= down(spent / limit, decimals) * (limit + 0.0001):
        spent = round(spent - 0.01, 2)
    return max(0.0, spent)


def share_to_sell(sold: float, held_before: float | None, seen_bought: float) -> float:
    """Return the share of our position to sell after a whale sold."""
    if sold <= 0:
        return 0.0
    if held_before is not None and held_before > 0:
        return min(1.0, sold / held_before)
    if seen_bought <= 0 or 2 * sold >= seen_bought:
        return 1.0
    return sold / seen_bought
