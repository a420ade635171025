"""An independent check of paper fills against the books that were shown; it knows nothing of the venue's code.

It works on recorded states and on rows of the fills, with whole numbers: prices and shares in millionths.
"""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tests.venues.paper.recorded import State

M = 1_000_000


class Impossible(AssertionError):
    """A fill that the books did not allow."""


@dataclass(frozen=True)
class Filled:
    """One order with its fills as (price, shares, fee), and the state that it met."""

    state: int
    token: str
    buys: bool
    limit: str
    fills: tuple[tuple[str, str, str], ...]
    resting: bool = False


def check(states: list[State], tokens: tuple[str, str], orders: list[Filled], rate: str) -> int:
    """Return the number of fills; raise Impossible at the first that was better than the books allowed."""
    left: dict[tuple[bool, int], int] = {}
    shown: dict[tuple[bool, int], int] = {}
    by_state: dict[int, list[Filled]] = defaultdict(list)
    for order in orders:
        by_state[order.state].append(order)
    count = 0
    for number, state in enumerate(states):
        left, shown = _supply(left, shown, _displayed(state, tokens))
        for order in by_state[number]:
            _fees(order, Fraction(rate))
            _best_case(order, _side(state, order))
            _use(left, order, second=order.token == tokens[1])
            count += len(order.fills)
    return count


def _supply(
    left: dict[tuple[bool, int], int], shown: dict[tuple[bool, int], int], now: dict[tuple[bool, int], int]
) -> tuple[dict[tuple[bool, int], int], dict[tuple[bool, int], int]]:
    """Add to what was left of each level whatever was shown on top; a level never has more than it shows."""
    fresh = {}
    for level, size in now.items():
        added = max(0, size - shown.get(level, 0))
        fresh[level] = min(size, left.get(level, 0) + added)
    return fresh, now


def _displayed(state: State, tokens: tuple[str, str]) -> dict[tuple[bool, int], int]:
    """Return the market's one logical book by (is an ask, price), named by the first token."""
    first = state.books[tokens[0]]
    found = {(name == "asks", _m(p)): _m(s) for name, side in first.items() for p, s in side.items()}
    second = state.books[tokens[1]]
    for name, side in second.items():
        for p, s in side.items():
            level = (name == "bids", M - _m(p))
            found[level] = max(found.get(level, 0), _m(s))
    return {level: size for level, size in found.items() if size > 0}


def _side(state: State, order: Filled) -> list[tuple[int, int]]:
    side = state.books[order.token]["asks" if order.buys else "bids"]
    rows = [(_m(p), _m(s)) for p, s in side.items() if _m(s) > 0]
    return sorted(rows, reverse=not order.buys)


def _best_case(order: Filled, side: list[tuple[int, int]]) -> None:
    """Compare with a taker who had the shown book to itself: it cannot have paid more, nor got less."""
    shares = sum(_m(s) for _, s, _ in order.fills)
    dollars = sum(Fraction(_m(p)) * _m(s) for p, s, _ in order.fills)
    want, best = shares, Fraction(0)
    for price, size in side:
        taken = min(want, size)
        best += Fraction(price) * taken
        want -= taken
    if want > 0:
        raise Impossible(f"{shares / M} shares filled, the book showed {(shares - want) / M}: {order}")
    if (dollars < best) if order.buys else (dollars > best):
        raise Impossible(f"better than the book allowed: {order}")
    for paid, _, _ in order.fills:
        if (_m(paid) > _m(order.limit)) if order.buys else (_m(paid) < _m(order.limit)):
            raise Impossible(f"beyond the order's limit: {order}")


def _use(left: dict[tuple[bool, int], int], order: Filled, *, second: bool) -> None:
    """Take an order's fills out of the supply; a resting order may have met any level up to its limit."""
    asks = order.buys != second
    for price, size, _ in order.fills:
        want = _m(size)
        levels = _crossed(left, asks, price, order, second) if order.resting else [_named(price, second)]
        for level in levels:
            used = min(want, left.get((asks, level), 0))
            left[asks, level] = left.get((asks, level), 0) - used
            want -= used
        if want > 0:
            raise Impossible(f"{want / M} shares at {price} were filled twice: {order}")


def _crossed(left: dict[tuple[bool, int], int], asks: bool, price: str, order: Filled, second: bool) -> list[int]:
    limit = _named(price, second)
    found = [p for side, p in left if side is asks and (p <= limit if asks else p >= limit)]
    return sorted(found, reverse=not asks)


def _named(price: str, second: bool) -> int:
    return M - _m(price) if second else _m(price)


def _fees(order: Filled, rate: Fraction) -> None:
    for price, size, fee in order.fills:
        p = Fraction(Decimal(price))
        due = Fraction(0) if order.resting else Fraction(Decimal(size)) * rate * p * (1 - p)
        floored = due * 100_000 // 1
        if Fraction(Decimal(fee)) * 100_000 != floored:
            raise Impossible(f"fee {fee} where {float(due)} was due: {order}")


def _m(text: str) -> int:
    return int((Decimal(text) * M).to_integral_value())
