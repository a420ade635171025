"""What an order of ours would have met: recorded resting orders, or what others traded just after it."""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from remora.backtest.costs import Costs, FillLevel
from remora.backtest.history import QUOTE
from remora.backtest.holding import Holding
from remora.backtest.track import BookShelf, Track, decimal
from remora.domain.books import OrderBook
from remora.domain.money import HIGHEST, MICRO, ZERO, floor_to
from remora.domain.orders import OrderRequest
from remora.domain.precision import SHARE_QUANTUM

FRESH_S = 900.0
"""Recorded resting orders older than this say nothing about what was there."""


class Piece(NamedTuple):
    """Part of an order that was executed."""

    at: float
    shares: Decimal
    price: Decimal


@dataclass(slots=True, kw_only=True)
class Working:
    """An order on its way or in its window. `left` is dollars for a purchase and shares for a sale.

    `next_row` is the first row that may still fill it; `reserve` is what is set aside per dollar left, `kept` what
    is left of it; rows up to `sought_at` have been looked at.
    """

    holding: Holding
    request: OrderRequest
    outcome: int
    left: Decimal
    arrives: float
    expires: float
    participation: float
    missed: bool
    buying: bool
    reserve: Decimal = ZERO
    touch: Decimal | None = None
    next_row: int = -1
    kept: Decimal = ZERO
    sought_at: float | None = None

    def shares_for(self, shares: Decimal, price: Decimal) -> Decimal:
        """Return how many of `shares` offered at `price` the order still takes, on the venue's grid."""
        most = self.left / price if self.buying else min(self.left, self.holding.shares)
        return floor_to(min(shares, most), SHARE_QUANTUM)

    def take(self, shares: Decimal, price: Decimal) -> None:
        """Count `shares` at `price` as executed."""
        self.left -= floor_to(shares * price, MICRO) if self.buying else shares

    @property
    def done(self) -> bool:
        """Whether nothing more of it could fill."""
        return self.left < SHARE_QUANTUM


def on_arrival(order: Working, track: Track, costs: Costs, shelf: BookShelf) -> list[Piece] | None:
    """Return what fills at the instant of arrival; None where only later prints can tell."""
    row = track.index(order.arrives)
    bid, ask = track.touch(row, order.outcome) if row >= 0 else (0.0, 1.0)
    order.touch = decimal(round(ask if order.buying else bid, 6))
    order.next_row = row + 1
    if order.missed:
        return []
    shown = track.snapshot_at(row, order.arrives)
    if shown >= 0:
        row = shown
    recorded = row >= 0 and track.kind[row] == QUOTE and order.arrives - track.times[row] <= FRESH_S
    if not recorded and costs.level is not FillLevel.OPTIMISTIC:
        return None
    book = track.book(row, order.outcome, shelf)
    return [] if book is None else walk(order, book)


def walk(order: Working, book: OrderBook) -> list[Piece]:
    """Return what an order takes of a book, level by level, at most its share of each."""
    share = Decimal(repr(order.participation))
    pieces = []
    for level in book.asks if order.buying else book.bids:
        limit = order.request.limit_price
        if level.price > limit if order.buying else level.price < limit:
            break
        taken = order.shares_for(level.size * share, level.price)
        if taken <= 0:
            break
        order.take(taken, level.price)
        pieces.append(Piece(order.arrives, taken, level.price))
    return pieces


def next_print(order: Working, track: Track) -> int | None:
    """Return the next row in the window at which somebody traded on our side within our limit."""
    wanted = (1 if order.buying else -1) * (1 if order.outcome == 0 else -1)
    limit, first, buying = float(order.request.limit_price), order.outcome == 0, order.buying
    times, prices, sides = track.times, track.prices, track.sides
    for row in range(order.next_row, bisect_right(times, order.expires)):
        if sides[row] != wanted:
            continue
        price = prices[row] if first else 1.0 - prices[row]
        if price <= limit + 1e-9 if buying else price >= limit - 1e-9:
            return row
    return None


def piece_of(order: Working, track: Track, row: int) -> Piece | None:
    """Return our part of one later print: a share of its size, at the worse of its price and the touch we met."""
    price = track.prices[row] if order.outcome == 0 else 1.0 - track.prices[row]
    ours = min(max(decimal(price), MICRO), HIGHEST)
    limit = order.request.limit_price
    if order.touch is not None:
        ours = max(ours, min(order.touch, limit)) if order.buying else min(ours, max(order.touch, limit))
    shares = order.shares_for(decimal(round(float(track.size[row]) * order.participation, 6)), ours)
    if shares <= 0:
        return None
    order.take(shares, ours)
    return Piece(track.times[row], shares, ours)


def worst_of_window(order: Working, track: Track) -> Piece | None:
    """Return the pessimist's fill at the end of the window: the worst print, a small share of all of them."""
    row, printed, worst = next_print(order, track), 0.0, None
    while row is not None:
        price = track.prices[row] if order.outcome == 0 else 1.0 - track.prices[row]
        printed += float(track.size[row])
        worst = price if worst is None else (max(worst, price) if order.buying else min(worst, price))
        order.next_row = row + 1
        row = next_print(order, track)
    if worst is None:
        return None
    price_paid = min(max(decimal(worst), MICRO), HIGHEST)
    shares = order.shares_for(decimal(round(printed * order.participation, 6)), price_paid)
    if shares <= 0:
        return None
    order.take(shares, price_paid)
    return Piece(order.expires, shares, price_paid)
