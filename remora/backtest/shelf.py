"""Synthetic resting orders around a touch, made once for every market and replay that meets it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from remora.domain.books import Level, OrderBook
from remora.domain.ids import TokenId
from remora.venues.twin.scenario.ladder import GROWTH, LEVELS, levels
from remora.venues.twin.scenario.lifecycle import COARSE_TICK, FINE_TICK

COARSE, FINE = 100, 1000
"""Ticks to the dollar."""

TICKS = {COARSE: COARSE_TICK, FINE: FINE_TICK}
FIELD = 1024
"""More than any of the three numbers that a touch is."""

NO_TIME = datetime.min.replace(tzinfo=UTC)

Levels = tuple[Level, ...]
Touch = int
"""Best bid and best ask of outcome 0 in ticks, and the ticks to the dollar, as one number."""


def unpacked(touch: Touch) -> tuple[int, int, int]:
    """Return best bid and best ask in ticks, and the ticks to the dollar."""
    prices, unit = divmod(touch, FIELD)
    bid, ask = divmod(prices, FIELD)
    return bid, ask, unit


@dataclass(slots=True, eq=False)
class BookShelf:
    """Ladders of resting orders around a touch, made once each: `depth_usd` on the first level of a side."""

    depth_usd: Decimal
    _ladders: dict[tuple[int, int], Levels] = field(default_factory=dict)
    _books: dict[tuple[Touch, int], OrderBook] = field(default_factory=dict)
    _best: dict[Touch, tuple[Level, Level]] = field(default_factory=dict)
    _first: dict[tuple[int, int], Level] = field(default_factory=dict)

    def sides(self, touch: Touch, outcome: int) -> tuple[Levels, Levels]:
        """Return bids and asks of an outcome for a touch of outcome 0: the other one's are their mirror."""
        bid, ask, unit = unpacked(touch)
        if outcome:
            bid, ask = unit - ask, unit - bid
        return self._ladder(bid, -unit), self._ladder(ask, unit)

    def _ladder(self, start: int, step: int) -> Levels:
        """Return levels from a price in ticks on: downwards if `step`, the ticks to the dollar, is below 0."""
        made = self._ladders.get((start, step))
        if made is None:
            tick = TICKS[abs(step)]
            going = tick if step > 0 else -tick
            made = self._ladders[start, step] = levels(start * tick, going, self.depth_usd)
        return made

    def book(self, touch: Touch, outcome: int) -> OrderBook:
        """Return a book of an outcome for a touch, of no token and no time."""
        book = self._books.get((touch, outcome))
        if book is None:
            bids, asks = self.sides(touch, outcome)
            tick = TICKS[unpacked(touch)[2]]
            book = OrderBook(token_id=TokenId(""), bids=bids, asks=asks, as_of=NO_TIME, tick_size=tick)
            assert book.sound  # worked out here, once for all
            assert book.spread is not None
            assert book.mid is not None
            self._books[touch, outcome] = book
        return book

    def best_bids(self, touch: Touch) -> tuple[Level, Level]:
        """Return the first level of each outcome's bids."""
        best = self._best.get(touch)
        if best is None:
            bid, ask, unit = unpacked(touch)
            best = self._best[touch] = self._first_bid(bid, unit), self._first_bid(unit - ask, unit)
        return best

    def _first_bid(self, price: int, unit: int) -> Level:
        """Return the first level of the bids from a price in ticks on: most ladders are asked for nothing else."""
        made = self._first.get((price, unit))
        if made is None:
            tick = TICKS[unit]
            (made,) = levels(price * tick, -tick, self.depth_usd, 1)
            self._first[price, unit] = made
        return made

    def ticks_below(self, shares: Decimal) -> int:
        """Return by how many ticks at most the executable bid for `shares` can lie below the best one."""
        left, level = shares, 0
        while left > 0 and level < LEVELS:
            left -= self.depth_usd * (1 + GROWTH * level)  # a level holds its money in shares, or more of them
            level += 1
        return max(0, level - 1)


@lru_cache(maxsize=8)
def shelf_of(depth_usd: Decimal) -> BookShelf:
    """Return the ladders of this process: replays of one recording meet the same touches again and again."""
    return BookShelf(depth_usd)
