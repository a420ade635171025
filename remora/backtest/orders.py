"""What an order of ours would have met: recorded resting orders, or what others traded just after it."""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from remora.backtest.costs import Costs, FillLevel
from remora.backtest.history import QUOTE
from remora.backtest.holding import Holding
from remora.backtest.shelf import BookShelf
from remora.backtest.taken import Place, Taken
from remora.backtest.track import Track, decimal, price_of
from remora.domain.books import OrderBook
from remora.domain.money import MICRO, ONE, ZERO, floor_to
from remora.domain.orders import OrderRequest
from remora.domain.precision import SHARE_QUANTUM, price_ceil, price_floor

SALE, PURCHASE = 0, 2
"""Sides of outcome 0 as a track writes them."""

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


def on_arrival(order: Working, track: Track, costs: Costs, shelf: BookShelf, taken: Taken) -> list[Piece] | None:
    """Return what fills at the instant of arrival; None where only later prints can tell."""
    row = track.index(order.arrives)
    bid, ask = track.best_prices(row, order.outcome) if row >= 0 else (0.0, 1.0)
    order.touch = price_of(round(ask if order.buying else bid, 6))
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
    return [] if book is None else _walk(order, book, track.place(row), taken)


def _walk(order: Working, book: OrderBook, place: Place, taken: Taken) -> list[Piece]:
    """Return what an order takes of a book, level by level, at most the share of each that nobody of us has."""
    share, limit = Decimal(repr(order.participation)), order.request.limit_price
    pieces = []
    for level in book.asks if order.buying else book.bids:
        if order.done or (level.price > limit if order.buying else level.price < limit):
            break
        key = place, _level(order, level.price)
        shares = order.shares_for(taken.left(level.size * share, key), level.price)
        if shares > 0:
            order.take(shares, level.price)
            taken.add(shares, key)
            pieces.append(Piece(order.arrives, shares, level.price))
    return pieces


def _level(order: Working, price: Decimal) -> tuple[bool, Decimal]:
    """Name a level as one of outcome 0: its asks are the other outcome's bids."""
    first = order.outcome == 0
    return order.buying == first, price if first else ONE - price


def next_print(order: Working, track: Track) -> int | None:
    """Return the next row in the window at which somebody traded on our side within our limit."""
    first, buying, end = order.outcome == 0, order.buying, bisect_right(track.times, order.expires)
    wanted, limit = PURCHASE if buying == first else SALE, float(order.request.limit_price)
    row = track.side.find(wanted, order.next_row, end)
    while row >= 0:
        price = track.price.item(row) if first else 1.0 - track.price.item(row)
        if price <= limit + 1e-9 if buying else price >= limit - 1e-9:
            return row
        row = track.side.find(wanted, row + 1, end)
    return None


def piece_of(order: Working, track: Track, row: int, taken: Taken) -> Piece | None:
    """Return our part of one later print: a share of its size, at the worse of its price and the touch we met."""
    key = track.place(row), None
    left = taken.left(_share(order, track, row), key)
    if left < SHARE_QUANTUM:
        return None
    limit, ours = order.request.limit_price, _price(order, track, row)
    if order.touch is not None:
        ours = max(ours, min(order.touch, limit)) if order.buying else min(ours, max(order.touch, limit))
    shares = order.shares_for(left, ours)
    if shares <= 0:
        return None
    order.take(shares, ours)
    taken.add(shares, key)
    return Piece(track.times[row], shares, ours)


def worst_of_window(order: Working, track: Track, taken: Taken) -> Piece | None:
    """Return the pessimist's fill at the end of the window: the worst print, a small share of all of them."""
    row, offered, worst = next_print(order, track), [], None
    while row is not None:
        price, key = _price(order, track, row), (track.place(row), None)
        offered.append((key, max(ZERO, taken.left(_share(order, track, row), key))))
        worst = price if worst is None else (max(worst, price) if order.buying else min(worst, price))
        order.next_row = row + 1
        row = next_print(order, track)
    if worst is None:
        return None
    shares = left = order.shares_for(sum((shares for _, shares in offered), ZERO), worst)
    if shares <= 0:
        return None
    order.take(shares, worst)
    for key, most in offered:
        taken.add(min(left, most), key)
        left -= min(left, most)
    return Piece(order.expires, shares, worst)


def _share(order: Working, track: Track, row: int) -> Decimal:
    """Return how many shares of a print may be ours."""
    return decimal(round(track.size.item(row) * order.participation, 6))


def _price(order: Working, track: Track, row: int) -> Decimal:
    """Return a print's price for us, on the market's grid: off-tick prices are rounded against us."""
    price = price_of(track.price.item(row) if order.outcome == 0 else 1.0 - track.price.item(row))
    tick = track.tick_size(track.times[row])
    return price_ceil(price, tick) if order.buying else price_floor(price, tick)
