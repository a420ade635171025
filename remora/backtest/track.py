"""One market's prints as arrays: price, spread and volume at any instant, without looking further."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import NEVER, QUOTE, TRADE, Floats, Listing, Prints, Small, instant
from remora.backtest.recorded_books import FRESH_S, Snapshots
from remora.backtest.taken import Place
from remora.domain.books import Level, OrderBook
from remora.domain.exits import executable_bid
from remora.domain.ids import ConditionId, EventId, TokenId
from remora.domain.market import Market, Outcome, ResolutionStatus
from remora.domain.money import MICRO, ONE
from remora.venues.twin.scenario.ladder import GROWTH, LEVELS, ladder
from remora.venues.twin.scenario.lifecycle import COARSE_TICK, FINE_TICK

DAY = 86_400.0
COARSE, FINE = 100, 1000
"""Ticks to the dollar."""

TICKS = {COARSE: COARSE_TICK, FINE: FINE_TICK}
Levels = tuple[Level, ...]
Touch = tuple[int, int, int]
"""Best bid and best ask of outcome 0 in ticks, and the ticks to the dollar."""


def decimal(value: float) -> Decimal:
    """Return a number of a tape as the domain writes it, in millionths."""
    return Decimal(repr(value)).quantize(MICRO)


@dataclass(slots=True, eq=False)
class BookShelf:
    """Ladders of resting orders around a touch, made once each: `depth_usd` on the first level of a side."""

    depth_usd: Decimal
    _made: dict[Touch, tuple[tuple[Levels, Levels], tuple[Levels, Levels]]] = field(default_factory=dict)

    def sides(self, touch: Touch, outcome: int) -> tuple[Levels, Levels]:
        """Return bids and asks of an outcome for a touch of outcome 0."""
        made = self._made.get(touch)
        if made is None:
            bid, ask, unit = touch
            tick = TICKS[unit]
            first = ladder(bid * tick, ask * tick, tick, self.depth_usd)
            mirrored = (_mirror(first.asks), _mirror(first.bids))
            made = self._made[touch] = ((first.bids, first.asks), mirrored)
        return made[outcome]

    def best_bid(self, touch: Touch, outcome: int) -> Level:
        """Return the first level of an outcome's bids."""
        made = self._made.get(touch)
        return self.sides(touch, outcome)[0][0] if made is None else made[outcome][0][0]

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


def _mirror(levels: Levels) -> Levels:
    return tuple(Level(price=ONE - level.price, size=level.size) for level in levels)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Rows of one market in order of time; `price`, `side`, `bid` and `ask` are of outcome 0.

    `bid` and `ask` are in ticks and are the touch that a row leaves behind (see docs/decisions/0004): after a
    purchase the ask is the print rounded up, after a sale the bid is it rounded down. `spent` is the running sum
    of dollars traded, `numbers` tells different touches apart, `best` is the best bid of either outcome, `turns`
    are the instants at which something else than a print changes the market. `recorded` are the resting orders
    that were recorded and `snapshots` the one that each row is, -1 for prints; both are empty without any. Markets
    and books are made once for every replay that meets them.
    """

    listing: Listing
    code: int
    at: Floats
    price: Floats
    side: Small
    size: Floats
    kind: Small
    wallet: NDArray[np.int32]
    unit: NDArray[np.int32]
    bid: NDArray[np.int32]
    ask: NDArray[np.int32]
    spent: Floats
    best: tuple[Floats, Floats]
    times: list[float]
    prices: list[float]
    sides: list[int]
    touches: list[Touch]
    numbers: list[int]
    tokens: tuple[TokenId, TokenId]
    outcomes: tuple[Outcome, Outcome]
    ends: datetime | None
    turns: tuple[float, ...]
    recorded: Snapshots | None = None
    snapshots: list[int] = field(default_factory=list)
    _markets: dict[tuple[int, int, int], Market] = field(default_factory=dict)
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
        return bisect_right(self.numbers, self.numbers[row]) if row >= 0 else 0

    def volume_24h(self, row: int, at: float) -> float:
        """Return the dollars traded in the day before `at`, whose last row is `row`."""
        return self._spent_between(bisect_right(self.times, at - DAY) - 1, row)

    def _spent_between(self, before: int, row: int) -> float:
        if row < 0:
            return 0.0
        return float(self.spent[row]) - (float(self.spent[before]) if before >= 0 else 0.0)

    def book(self, row: int, outcome: int, shelf: BookShelf) -> OrderBook | None:
        """Return the book of an outcome as it stands since `row`, None before anything was printed."""
        if row < 0:
            return None
        key = (self.numbers[row], outcome, shelf)
        made = self._books.get(key)
        if made is None:
            touch = self.touches[row]
            bids, asks = self._sides(row, outcome, shelf)
            made = self._books[key] = OrderBook(
                token_id=self.tokens[outcome],
                bids=bids,
                asks=asks,
                as_of=instant(self.times[bisect_left(self.numbers, self.numbers[row])]),
                tick_size=TICKS[touch[2]],
            )
        return made

    def _sides(self, row: int, outcome: int, shelf: BookShelf) -> tuple[Levels, Levels]:
        if self.recorded is not None and self.snapshots[row] >= 0:
            return self.recorded.sides(self.snapshots[row], outcome)
        return shelf.sides(self.touches[row], outcome)

    def best_bid(self, row: int, outcome: int, shelf: BookShelf) -> Level:
        """Return the first level of the bids after `row`."""
        if self.recorded is not None and self.snapshots[row] >= 0:
            book = self.book(row, outcome, shelf)
            assert book is not None
            return book.bids[0]
        return shelf.best_bid(self.touches[row], outcome)

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
        best = self.best_bid(row, outcome, shelf)
        if shares <= best.size:
            return best.price
        book = self.book(row, outcome, shelf)
        return None if book is None else executable_bid(book, shares)

    def touch(self, row: int, outcome: int) -> tuple[float, float]:
        """Return best bid and ask of an outcome after `row`, as numbers."""
        bid, ask, unit = self.touches[row]
        return (bid / unit, ask / unit) if outcome == 0 else (1.0 - ask / unit, 1.0 - bid / unit)

    def tick_size(self, at: float) -> Decimal:
        """Return the grid of prices at `at`."""
        return FINE_TICK if self.listing.fine_tick_at <= at else COARSE_TICK

    def market(self, row: int, at: float) -> Market:
        """Return the market as the venue would have shown it at `at`, whose last row is `row`."""
        before = bisect_right(self.times, at - DAY) - 1
        key = (row, before, bisect_right(self.turns, at))
        made = self._markets.get(key)
        if made is None:
            made = self._markets[key] = self._market(self._spent_between(before, row), at)
        return made

    def _market(self, spent: float, at: float) -> Market:
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
            volume_24h_usd=decimal(round(spent, 6)),
            end_at=self.ends,
            accepting_orders=not closed,
            closed=closed,
            resolution=status,
            payouts=known.payouts if status is ResolutionStatus.RESOLVED else None,
        )


class Tracks(dict[int, Track]):
    """The track of every market that has a row, by its code; each is made when it is first asked for.

    What :meth:`has` does not name is nowhere: asking for it raises KeyError.
    """

    def __init__(
        self,
        prints: Prints,
        listings: Sequence[Listing],
        *,
        spread_ticks: int,
        books: Mapping[int, Snapshots] | None = None,
    ) -> None:
        super().__init__()
        chosen = prints if not len(prints) or prints.kind.max() <= QUOTE else prints.take(prints.kind <= QUOTE)
        self._rows = chosen.take(np.argsort(chosen.market, kind="stable"))
        codes, starts = np.unique(self._rows.market, return_index=True)
        ends = np.append(starts[1:], len(self._rows))[: len(codes)]
        self._places = dict(zip(codes.tolist(), zip(starts.tolist(), ends.tolist(), strict=True), strict=True))
        self._listings, self._spread, self._books = listings, spread_ticks, books or {}

    def __missing__(self, code: int) -> Track:
        """Make the track of a market."""
        start, end = self._places[code]
        rows = self._rows.take(slice(start, end))
        made = self[code] = _track(rows, self._listings[code], code, self._spread, self._books.get(code))
        return made

    def has(self, code: int) -> bool:
        """Whether anything of a market was printed."""
        return code in self._places


def _track(
    rows: Prints, listing: Listing, code: int, spread_ticks: int, recorded: Snapshots | None = None
) -> Track:
    first = rows.outcome == 0
    price = np.where(first, rows.price, 1.0 - rows.price)
    side = np.where(first, rows.side, -rows.side).astype(np.int8)
    unit = np.where(rows.at >= listing.fine_tick_at, FINE, COARSE).astype(np.int32)
    bid, ask = _touch(price, side, rows.kind, unit, spread_ticks)
    shown = np.zeros(0, dtype=np.int64)
    if recorded is not None:
        shown = _shown(rows, recorded)
        mine = shown >= 0
        bid[mine] = np.floor(recorded.bid_price[shown[mine], 0] * unit[mine] + 1e-6)
        ask[mine] = np.ceil(recorded.ask_price[shown[mine], 0] * unit[mine] - 1e-6)
    moved = np.ones(len(rows), dtype=np.int32)
    moved[1:] = (bid[1:] != bid[:-1]) | (ask[1:] != ask[:-1]) | (unit[1:] != unit[:-1])
    if recorded is not None:
        moved[1:] |= (shown[1:] >= 0) | (shown[:-1] >= 0)
    traded = rows.kind == TRADE
    traded_side = np.where(traded, side, 0).astype(np.int8)
    tokens = (TokenId(f"{listing.key}:0"), TokenId(f"{listing.key}:1"))
    return Track(
        listing=listing,
        code=code,
        at=rows.at,
        price=price,
        side=traded_side,
        size=rows.size,
        kind=rows.kind,
        wallet=rows.wallet,
        unit=unit,
        bid=bid,
        ask=ask,
        spent=np.cumsum(np.where(traded, rows.price * rows.size, 0.0)),
        best=(bid / unit, 1.0 - ask / unit),
        times=rows.at.tolist(),
        prices=price.tolist(),
        sides=traded_side.tolist(),
        numbers=np.cumsum(moved).tolist(),
        touches=list(zip(bid.tolist(), ask.tolist(), unit.tolist(), strict=True)),
        tokens=tokens,
        outcomes=(Outcome(tokens[0], listing.labels[0]), Outcome(tokens[1], listing.labels[1])),
        ends=None if listing.end_at is None else instant(listing.end_at),
        turns=tuple(sorted({listing.fine_tick_at, *(at for at, _ in milestones(listing))})),
        recorded=recorded,
        snapshots=shown.tolist(),
    )


def _shown(rows: Prints, recorded: Snapshots) -> NDArray[np.int64]:
    """Return the snapshot that each row is, -1 for rows that are none."""
    places = np.minimum(recorded.at.searchsorted(rows.at, "left"), max(0, len(recorded) - 1))
    same = (rows.kind == QUOTE) & (recorded.at[places] == rows.at)
    found: NDArray[np.int64] = np.where(same, places, -1)
    return found


def _touch(
    price: Floats, side: Small, kind: Small, unit: NDArray[np.int32], spread: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return bid and ask in ticks, like the twin's ladder: rounded against whoever copies the print."""
    ticks = price * unit
    bought = np.ceil(ticks - 1e-6)
    sold = np.floor(ticks + 1e-6)
    bid = np.where(side > 0, bought - spread, sold)
    ask = np.where(side > 0, bought, sold + spread)
    around = np.floor(ticks - (spread - 1) / 2 + 1e-6)
    bid, ask = np.where(kind == QUOTE, around, bid), np.where(kind == QUOTE, around + spread, ask)
    width = ask - bid
    low = bid < 1
    bid, ask = np.where(low, 1, bid), np.where(low, np.minimum(1 + width, unit - 1), ask)
    high = ask > unit - 1
    bid, ask = np.where(high, np.maximum(unit - 1 - width, 1), bid), np.where(high, unit - 1, ask)
    level = bid >= ask
    return np.where(level, ask - 1, bid).astype(np.int32), ask.astype(np.int32)


def milestones(listing: Listing) -> list[tuple[float, str]]:
    """Return when a holder is told that something about the market changed."""
    named = [
        (listing.proposed_at, "proposed"),
        (listing.closed_at, "closed"),
        (listing.resolved_at, "resolved"),
    ]
    return [(at, name) for at, name in named if at < NEVER]
