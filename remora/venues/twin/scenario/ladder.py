"""Synthetic depth: a ladder of resting orders, on tick, around a price."""

from dataclasses import dataclass
from decimal import Decimal

from remora.domain.books import Level
from remora.domain.money import ONE, Side, ceil_to, floor_to

LEVELS = 8
"""Price levels on each side."""

GROWTH = Decimal("0.35")
"""How much more money rests on each level than on the one before it."""

_SHARES = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Ladder:
    """Both sides of outcome 0's book, best price first; the other outcome's book is its mirror."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


EMPTY = Ladder((), ())


def touch_after_trade(price: Decimal, side: Side, tick: Decimal, spread_ticks: int) -> tuple[Decimal, Decimal]:
    """Return best bid and ask of outcome 0 that a print at `price` leaves behind.

    A buyer paid the ask, a seller hit the bid. Off-tick prices are rounded against whoever copies the print:
    the ask up, the bid down.
    """
    if side is Side.BUY:
        ask = ceil_to(price, tick)
        return _inside(ask - tick * spread_ticks, ask, tick)
    bid = floor_to(price, tick)
    return _inside(bid, bid + tick * spread_ticks, tick)


def touch_around(mid: Decimal, tick: Decimal, spread_ticks: int) -> tuple[Decimal, Decimal]:
    """Return best bid and ask on tick around a midpoint."""
    bid = floor_to(mid - tick * (spread_ticks - 1) / 2, tick)
    return _inside(bid, bid + tick * spread_ticks, tick)


def _inside(bid: Decimal, ask: Decimal, tick: Decimal) -> tuple[Decimal, Decimal]:
    width = ask - bid
    if bid < tick:
        bid, ask = tick, min(tick + width, ONE - tick)
    if ask > ONE - tick:
        bid, ask = max(ONE - tick - width, tick), ONE - tick
    return (bid, ask) if bid < ask else (ask - tick, ask)


def ladder(bid: Decimal, ask: Decimal, tick: Decimal, depth_usd: Decimal) -> Ladder:
    """Return levels outwards from the touch, `depth_usd` at the first and more at each further one."""
    if depth_usd <= 0:
        return EMPTY
    return Ladder(bids=levels(bid, -tick, depth_usd), asks=levels(ask, tick, depth_usd))


def levels(start: Decimal, step: Decimal, depth_usd: Decimal, count: int = LEVELS) -> tuple[Level, ...]:
    """Return `count` levels from `start` on, a tick apart, as far as the grid goes: down if `step` is negative."""
    found: list[Level] = []
    price, money, growth = start, depth_usd, depth_usd * GROWTH
    low = abs(step)
    high = ONE - low
    for _ in range(count):
        if not low <= price <= high:
            break
        size = floor_to(money / max(price, ONE - price), _SHARES)
        if size > 0:
            found.append(Level(price, size))
        price += step
        money += growth
    return tuple(found)
