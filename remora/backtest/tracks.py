"""Every market's rows as a track: columns are made for all markets at once, and cut when one is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from remora.backtest.bids import Bids
from remora.backtest.history import NEVER, QUOTE, TRADE, Floats, Integers, Listing, Prints, Small, instant
from remora.backtest.recorded_books import Snapshots
from remora.backtest.shelf import COARSE, FIELD, FINE
from remora.backtest.track import Track
from remora.domain.ids import TokenId
from remora.domain.market import Outcome

SHORT = 2**16
"""Codes below this are sorted as short numbers, which takes a fraction of the time."""


class Seen(NamedTuple):
    """When a market's last row of a batch came, and the number of the touch that it left behind."""

    at: float
    number: int


class Tracks(dict[int, Track]):
    """The track of every market that has a row, by its code; each is made when it is first asked for.

    What :meth:`has` does not name is nowhere: asking for it raises KeyError. `seen` are the last rows of the batch
    before, which are among the rows: touches are numbered on from there.
    """

    def __init__(
        self,
        prints: Prints,
        listings: Sequence[Listing],
        *,
        spread_ticks: int,
        books: Mapping[int, Snapshots] | None = None,
        seen: Mapping[int, Seen] | None = None,
    ) -> None:
        super().__init__()
        chosen = prints if not len(prints) or prints.kind.max() <= QUOTE else prints.take(prints.kind <= QUOTE)
        self._came, self._order = chosen, _by_market(chosen.market)
        rows = self._rows = _sorted(chosen, self._order)
        counts = np.bincount(chosen.market) if len(rows) else np.zeros(0, dtype=np.int64)
        codes = np.flatnonzero(counts)
        ends = np.cumsum(counts[codes])
        places = zip((ends - counts[codes]).tolist(), ends.tolist(), strict=True)
        self._places = dict(zip(codes.tolist(), places, strict=True))
        self._listings, self._spread, self._books, self._seen = listings, spread_ticks, books or {}, seen or {}
        self._columns: _Columns | None = None
        self._bids: Bids | None = None

    def __missing__(self, code: int) -> Track:
        """Make the track of a market."""
        start, end = self._places[code]
        made = self[code] = self._all().track(
            slice(start, end), self._listings[code], code, self._books.get(code), self._offset(code)
        )
        return made

    def make(self) -> None:
        """Make every track now: whoever asks for one first need not wait for it."""
        for code in self._places:
            self[code]

    def _all(self) -> "_Columns":
        if self._columns is None:
            self._columns = _columns(self._rows, self._listings, self._places, self._spread, self._books)
        return self._columns

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what was made: a process that is given a copy makes what it asks for."""
        made = partial(Tracks, spread_ticks=self._spread, books=self._books, seen=self._seen)
        return made, (self._came, self._listings)

    def has(self, code: int) -> bool:
        """Whether anything of a market was printed."""
        return code in self._places

    @property
    def bids(self) -> Bids:
        """Return the best bids of all markets."""
        if self._bids is None:
            made = self._all()
            self._bids = Bids.of(self._came.at, self._came.market, self._order, (made.bid, made.ask, made.unit))
        return self._bids

    def last_seen(self) -> dict[int, Seen]:
        """Return when each market's last row came and the number of the touch it left behind."""
        at, number = self._rows.at, self._all().number
        return {
            code: Seen(at.item(end - 1), number.item(end - 1) + self._offset(code))
            for code, (_, end) in self._places.items()
        }

    def _offset(self, code: int) -> int:
        """Return what is added to the numbers of a market's touches, so that they go on where others ended."""
        start, end = self._places[code]
        number, seen = self._all().number, self._seen.get(code)
        if seen is None:
            return 1 - number.item(start)
        last = start + int(self._rows.at[start:end].searchsorted(seen.at, "right")) - 1
        return seen.number - number.item(last)


def _by_market(market: Integers) -> NDArray[np.int64]:
    """Return the order that puts each market's rows together and leaves them in order of time."""
    short = market.size and market.min() >= 0 and market.max() < SHORT
    found: NDArray[np.int64] = np.argsort(market.astype(np.uint16) if short else market, kind="stable")
    return found


def _sorted(prints: Prints, order: NDArray[np.int64]) -> Prints:
    """Return rows in another order, without who traded and where: nobody asks for that any more."""
    nobody = np.broadcast_to(np.int32(-1), len(prints))
    return Prints(
        at=prints.at[order],
        wallet=nobody,
        market=nobody,
        outcome=prints.outcome[order],
        side=prints.side[order],
        price=prints.price[order],
        size=prints.size[order],
        kind=prints.kind[order],
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Columns:
    """What every row of every market says: see Track for what each column is."""

    at: Floats
    price: Floats
    side: bytes
    size: Floats
    kind: bytes
    unit: Integers
    bid: Integers
    ask: Integers
    dollars: Floats
    touch: Integers
    number: Integers
    changes: NDArray[np.int64]
    shown: NDArray[np.int64] | None

    def track(self, rows: slice, listing: Listing, code: int, recorded: Snapshots | None, offset: int) -> Track:
        """Cut the track of one market."""
        tokens = (TokenId(f"{listing.key}:0"), TokenId(f"{listing.key}:1"))
        at, first, told = self.at[rows], self.number.item(rows.start) - 1, milestones(listing)
        return Track(
            listing=listing,
            code=code,
            at=at,
            price=self.price[rows],
            side=self.side[rows],
            size=self.size[rows],
            kind=self.kind[rows],
            unit=self.unit[rows],
            bid=self.bid[rows],
            ask=self.ask[rows],
            spent=self.dollars[rows].cumsum(),
            touch=self.touch[rows],
            number=self.number[rows] + offset,
            changes=self.changes[first : self.number.item(rows.stop - 1)] - rows.start,
            times=cast("Sequence[float]", at.data),
            tokens=tokens,
            outcomes=(Outcome(tokens[0], listing.labels[0]), Outcome(tokens[1], listing.labels[1])),
            ends=None if listing.end_at is None else instant(listing.end_at),
            milestones=told,
            turns=tuple(sorted({listing.fine_tick_at, *[when for when, _ in told]})),
            recorded=recorded,
            snapshots=[] if recorded is None or self.shown is None else self.shown[rows].tolist(),
        )


def _columns(
    rows: Prints,
    listings: Sequence[Listing],
    places: Mapping[int, tuple[int, int]],
    spread_ticks: int,
    books: Mapping[int, Snapshots],
) -> _Columns:
    price, side = rows.price, rows.side
    if rows.outcome.any():
        first = rows.outcome == 0
        price, side = np.where(first, price, 1.0 - price), np.where(first, side, -side)
    unit = np.full(len(rows), COARSE, dtype=np.int32)
    for code, (start, end) in places.items():
        if listings[code].fine_tick_at < NEVER:
            unit[start + int(rows.at[start:end].searchsorted(listings[code].fine_tick_at)) : end] = FINE
    bid, ask = _touch(price, side, rows.kind, unit, spread_ticks)
    shown = _shown_touch(rows, places, books, unit, bid, ask)
    dollars, traded = rows.price * rows.size, rows.kind == TRADE
    if not traded.all():
        dollars, side = np.where(traded, dollars, 0.0), np.where(traded, side, np.int8(0))
    opens = np.zeros(len(rows), dtype=bool)
    opens[[start for start, _ in places.values()]] = True
    moved = _moved(bid, ask, unit, shown) | opens
    return _Columns(
        at=rows.at,
        price=price,
        side=(side + np.int8(1)).tobytes(),
        size=rows.size,
        kind=rows.kind.tobytes(),
        unit=unit,
        bid=bid,
        ask=ask,
        dollars=dollars,
        touch=(bid * np.int32(FIELD) + ask) * np.int32(FIELD) + unit,
        number=np.cumsum(moved, dtype=np.int32),
        changes=np.flatnonzero(moved),
        shown=shown,
    )


def _moved(bid: Integers, ask: Integers, unit: Integers, shown: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """Return which rows leave another touch, or another snapshot, behind than the row before."""
    moved = np.ones(bid.size, dtype=bool)
    moved[1:] = (bid[1:] != bid[:-1]) | (ask[1:] != ask[:-1]) | (unit[1:] != unit[:-1])
    if shown is not None:
        moved[1:] |= (shown[1:] >= 0) | (shown[:-1] >= 0)
    return moved


def _shown_touch(
    rows: Prints,
    places: Mapping[int, tuple[int, int]],
    books: Mapping[int, Snapshots],
    unit: Integers,
    bid: Integers,
    ask: Integers,
) -> NDArray[np.int64] | None:
    """Set the touch of rows that are snapshots; return the snapshot that each row is, -1 for prints."""
    recorded = [code for code in places if code in books]
    if not recorded:
        return None
    shown = np.full(len(rows), -1, dtype=np.int64)
    for code in recorded:
        mine, snapshots = slice(*places[code]), books[code]
        shown[mine] = found = _shown(rows.take(mine), snapshots)
        at = places[code][0] + np.flatnonzero(found >= 0)
        number = shown[at]
        bid[at] = np.floor(snapshots.bid_price[number, 0] * unit[at] + 1e-6)
        ask[at] = np.ceil(snapshots.ask_price[number, 0] * unit[at] - 1e-6)
    return shown


def _shown(rows: Prints, recorded: Snapshots) -> NDArray[np.int64]:
    """Return the snapshot that each row is, -1 for rows that are none."""
    places = np.minimum(recorded.at.searchsorted(rows.at, "left"), max(0, len(recorded) - 1))
    same = (rows.kind == QUOTE) & (recorded.at[places] == rows.at)
    found: NDArray[np.int64] = np.where(same, places, -1)
    return found


def _touch(price: Floats, side: Small, kind: Small, unit: Integers, spread: int) -> tuple[Integers, Integers]:
    """Return bid and ask in ticks, like the twin's ladder: rounded against whoever copies the print."""
    ticks, up = price * unit, side > 0
    # floor(-x) is -ceil(x): one pass rounds purchases up and sales down
    sign = np.int8(1) - np.int8(2) * up.view(np.int8)
    ticks *= sign
    ticks += 1e-6
    np.floor(ticks, out=ticks)
    ticks *= sign
    bid = ticks.astype(np.int32)
    bid -= up * np.int32(spread)
    quoted: Any = kind == QUOTE
    if quoted.any():
        bid = np.where(quoted, np.floor(price * unit - (spread - 1) / 2 + 1e-6), bid).astype(np.int32)
    ask = bid + np.int32(spread)
    outside = np.flatnonzero((bid < 1) | (ask >= unit) | (spread < 1))
    if outside.size:
        bid[outside], ask[outside] = _inside(bid[outside], unit[outside], spread)
    return bid, ask


def _inside(bid: Integers, unit: Integers, spread: int) -> tuple[Integers, Integers]:
    """Return touches that lie beyond the grid, or are none, pushed back onto it."""
    low = bid < 1
    bid, ask = np.where(low, 1, bid), np.where(low, np.minimum(1 + spread, unit - 1), bid + spread)
    high = ask > unit - 1
    bid, ask = np.where(high, np.maximum(unit - 1 - spread, 1), bid), np.where(high, unit - 1, ask)
    return np.where(bid >= ask, ask - 1, bid).astype(np.int32), ask.astype(np.int32)


def milestones(listing: Listing) -> tuple[tuple[float, str], ...]:
    """Return when a holder is told that something about the market changed."""
    named = [
        (listing.proposed_at, "proposed"),
        (listing.closed_at, "closed"),
        (listing.resolved_at, "resolved"),
    ]
    return tuple([(at, name) for at, name in named if at < NEVER])
