"""One market's prints as arrays: price, spread and volume at any instant, without looking further."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import Floats, Integers, Listing, instant
from remora.backtest.recorded_books import FRESH_S, Snapshots
from remora.backtest.shelf import NO_TIME, TICKS, BookShelf
from remora.backtest.taken import Place
from remora.domain.books import Level, OrderBook
from remora.domain.exits import executable_bid
from remora.domain.ids import ConditionId, EventId, TokenId
from remora.domain.market import Market, Outcome, ResolutionStatus
from remora.domain.money import MICRO, ZERO
from remora.venues.twin.scenario.lifecycle import COARSE_TICK, FINE_TICK

DAY = 86_400.0

WRITERS = tuple([getattr(Market, name).__set__ for name in Market.__slots__])
WRITE_VOLUME = WRITERS[Market.__slots__.index("volume_24h_usd")]
"""A market is made for most decisions; filling its slots takes half the time of passing them by name."""


@lru_cache(maxsize=2**16)
def price_of(value: float) -> Decimal:
    """Return a price of a tape as the domain writes it: there are few, and they come again and again."""
    return decimal(value)


def _with_volume(facts: tuple[Any, ...], volume: Decimal) -> Market:
    made = object.__new__(Market)
    for write, fact in zip(WRITERS, facts, strict=True):
        write(made, fact)
    WRITE_VOLUME(made, volume)
    return made


def decimal(value: float) -> Decimal:
    """Return a number of a tape as the domain writes it, in millionths."""
    return Decimal(repr(value)).quantize(MICRO)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Rows of one market in order of time; `price`, `side`, `bid` and `ask` are of outcome 0.

    `side` is 2 for a purchase, 0 for a sale, 1 for no trade. `bid` and `ask` are in ticks and are the touch that a
    row leaves behind (see docs/decisions/0004): after a purchase the ask is the print rounded up, after a sale the
    bid is it rounded down. `touch` is both as one number, `number` counts different ones, on from batch to batch
    however a recording is cut, and `changes` are the rows that left another one behind. `spent` is the running sum
    of dollars traded, `times` is `at` for one look at a time, `milestones` are what a holder is told and when,
    `turns` the instants at which something else than a print changes the market. `recorded` are the resting orders
    that were recorded and `snapshots` the one that each row is, -1 for prints; both are empty without any. Markets
    and books are made once for every replay that meets them.
    """

    listing: Listing
    code: int
    at: Floats
    price: Floats
    side: bytes
    size: Floats
    kind: bytes
    unit: Integers
    bid: Integers
    ask: Integers
    spent: Floats
    touch: Integers
    number: Integers
    changes: NDArray[np.int64]
    times: Sequence[float]
    tokens: tuple[TokenId, TokenId]
    outcomes: tuple[Outcome, Outcome]
    ends: datetime | None
    milestones: tuple[tuple[float, str], ...]
    turns: tuple[float, ...]
    recorded: Snapshots | None = None
    snapshots: list[int] = field(default_factory=list)
    _best: dict[int, Floats] = field(default_factory=dict)
    _markets: dict[tuple[int, int, int], Market] = field(default_factory=dict)
    _left: dict[int, Market] = field(default_factory=dict)
    _facts: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    _books: dict[tuple[int, int, BookShelf], OrderBook] = field(default_factory=dict)

    def index(self, at: float) -> int:
        """Return the last row at or before `at`, -1 without one."""
        return bisect_right(self.times, at) - 1

    def place(self, row: int) -> Place:
        """Return a name of a row that stays the same however a recording is cut into batches."""
        at = self.times[row]
        return self.code, at, row - bisect_left(self.times, at)

    def next_change(self, row: int) -> int:
        """Return the first row after `row` that leaves another touch behind; the number of rows without one."""
        if row < 0:
            return 0
        place = self.number.item(row) - self.number.item(0) + 1
        return self.changes.item(place) if place < self.changes.size else len(self.times)

    def since(self, row: int) -> float:
        """Return when the touch came that is there after `row`."""
        return self.times[self.changes.item(self.number.item(row) - self.number.item(0))]

    def best(self, outcome: int) -> Floats:
        """Return the best bid of an outcome after each row."""
        made = self._best.get(outcome)
        if made is None:
            made = self._best[outcome] = self.bid / self.unit if outcome == 0 else 1.0 - self.ask / self.unit
        return made

    def volume_24h(self, row: int, at: float) -> float:
        """Return the dollars traded in the day before `at`, whose last row is `row`."""
        return self._spent_between(bisect_right(self.times, at - DAY) - 1, row)

    def _spent_between(self, before: int, row: int) -> float:
        if row < 0:
            return 0.0
        return self.spent.item(row) - (self.spent.item(before) if before >= 0 else 0.0)

    def book(self, row: int, outcome: int, shelf: BookShelf) -> OrderBook | None:
        """Return the book of an outcome as it stands since `row`, None before anything was printed."""
        if row < 0:
            return None
        number = self.number.item(row)
        key = (number, outcome, shelf)
        made = self._books.get(key)
        if made is None:
            made = self._books[key] = self._book(row, outcome, shelf).elsewhere(
                self.tokens[outcome], instant(self.since(row))
            )
        return made

    def _book(self, row: int, outcome: int, shelf: BookShelf) -> OrderBook:
        if self.recorded is not None and self.snapshots[row] >= 0:
            bids, asks = self.recorded.sides(self.snapshots[row], outcome)
            tick = TICKS[self.unit.item(row)]
            return OrderBook(token_id=self.tokens[outcome], bids=bids, asks=asks, as_of=NO_TIME, tick_size=tick)
        return shelf.book(self.touch.item(row), outcome)

    def best_bids(self, row: int, shelf: BookShelf) -> tuple[Level, Level]:
        """Return the first level of each outcome's bids after `row`."""
        if self.recorded is not None and self.snapshots[row] >= 0:
            first, second = (self.recorded.sides(self.snapshots[row], outcome)[0][0] for outcome in (0, 1))
            return first, second
        return shelf.best_bids(self.touch.item(row))

    def snapshot_at(self, row: int, at: float) -> int:
        """Return the last row up to `row` that is a snapshot fresh enough for an order at `at`; -1 without."""
        while self.recorded is not None and row >= 0 and at - self.times[row] <= FRESH_S:
            if self.snapshots[row] >= 0:
                return row
            row -= 1
        return -1

    def executable_bid(self, row: int, outcome: int, shelf: BookShelf, shares: Decimal) -> Decimal | None:
        """Return what remora.domain.exits.executable_bid finds in the book after `row`, None without a row."""
        if row < 0:
            return None
        best = self.best_bids(row, shelf)[outcome]
        if shares <= best.size:
            return best.price
        book = self.book(row, outcome, shelf)
        return None if book is None else executable_bid(book, shares)

    def best_prices(self, row: int, outcome: int) -> tuple[float, float]:
        """Return best bid and ask of an outcome after `row`, as numbers."""
        bid, ask, unit = self.bid.item(row), self.ask.item(row), self.unit.item(row)
        return (bid / unit, ask / unit) if outcome == 0 else (1.0 - ask / unit, 1.0 - bid / unit)

    def tick_size(self, at: float) -> Decimal:
        """Return the grid of prices at `at`."""
        return FINE_TICK if self.listing.fine_tick_at <= at else COARSE_TICK

    def market_to_leave(self, at: float) -> Market:
        """Return the market at `at` for what its volume is not asked for."""
        turn = bisect_right(self.turns, at)
        made = self._left.get(turn)
        if made is None:
            made = self._left[turn] = self._between(at)
        return made

    def market(self, row: int, at: float) -> Market:
        """Return the market as the venue would have shown it at `at`, whose last row is `row`."""
        before = bisect_right(self.times, at - DAY) - 1
        turn = bisect_right(self.turns, at)
        key = (row, before, turn)
        made = self._markets.get(key)
        if made is None:
            facts = self._facts.get(turn)
            if facts is None:
                same = self._between(at)
                facts = self._facts[turn] = tuple([getattr(same, name) for name in Market.__slots__])
            made = self._markets[key] = _with_volume(facts, decimal(round(self._spent_between(before, row), 6)))
        return made

    def _between(self, at: float) -> Market:
        """Return the market as it is between two turns, but for its volume."""
        known = self.listing
        status = ResolutionStatus.OPEN
        if known.resolved_at <= at:
            status = ResolutionStatus.RESOLVED
        elif known.proposed_at <= at:
            status = ResolutionStatus.PROPOSED
        closed = known.closed_at <= at
        return Market(
            condition_id=ConditionId(known.key),
            question=known.question,
            slug=known.slug,
            event_id=EventId(known.event),
            event_slug=known.event,
            category=known.category,
            market_class=known.market_class,
            outcomes=self.outcomes,
            tick_size=self.tick_size(at),
            min_order_size=known.min_order_size,
            neg_risk=known.neg_risk,
            fee_rate=known.fee_rate,
            fee_exponent=known.fee_exponent,
            volume_24h_usd=ZERO,
            end_at=self.ends,
            accepting_orders=not closed,
            closed=closed,
            resolution=status,
            payouts=known.payouts if status is ResolutionStatus.RESOLVED else None,
        )
