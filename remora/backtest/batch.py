"""A stretch of a recording, ready to be replayed: tracks of its markets and the whales' signals in it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from remora.backtest.history import QUOTE, History, Listing, Prints
from remora.backtest.signals import Seed, SignalReader
from remora.backtest.track import DAY
from remora.backtest.tracks import Seen, Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows up to `horizon`; tracks also hold the day before, which volumes and fill windows reach back to."""

    tracks: Tracks
    seeds: Sequence[Seed]
    horizon: float
    rows: int


@dataclass(slots=True)
class Batches:
    """Cuts a stream of rows into batches, keeping only the last day of each market in memory."""

    wallets: Sequence[str]
    listings: Sequence[Listing]
    followed: Collection[int]
    spread_ticks: int = 1
    _tail: Prints = field(default_factory=Prints.empty)

    def of(self, parts: Iterable[Prints]) -> Iterator[Batch]:
        """Yield a batch per part. Parts are in order of time; no instant is spread over two of them."""
        reader = SignalReader(self.wallets, self.listings, self.followed)
        seen: dict[int, Seen] = {}
        for rows in parts:
            if not len(rows):
                continue
            held = Prints.join([self._tail, rows]) if len(self._tail) else rows
            tracks = Tracks(held, self.listings, spread_ticks=self.spread_ticks, seen=seen)
            yield Batch(
                tracks=tracks,
                seeds=reader.read(rows),
                horizon=float(rows.at[-1]),
                rows=len(rows),
            )
            self._tail, seen = self._kept(held), tracks.last_seen()

    def _kept(self, held: Prints) -> Prints:
        """Return the last day, and each market's last print whatever its age: prices do not expire."""
        kept = held.at > held.at[-1] - DAY
        printed = np.flatnonzero(held.kind <= QUOTE)[::-1]
        _, places = np.unique(held.market[printed], return_index=True)
        kept[printed[places]] = True
        return held.take(kept)


def whole(history: History, followed: Collection[int], *, spread_ticks: int = 1) -> Batch:
    """Return a recording as one batch, restricted to the markets in which a followed wallet trades.

    Nothing in other markets can change what a copier of these wallets does.
    """
    prints = history.prints
    mine = np.isin(prints.wallet, np.fromiter(followed, dtype=np.int32, count=len(followed)))
    touched = np.zeros(len(history.listings), dtype=bool)
    touched[np.unique(prints.market[mine])] = True
    places = np.flatnonzero(touched[prints.market])
    rows = prints if len(places) == len(prints) else prints.take(places)
    return Batch(
        tracks=Tracks(rows, history.listings, spread_ticks=spread_ticks, books=history.books),
        seeds=SignalReader(history.wallets, history.listings, frozenset(followed)).read(rows, places),
        horizon=float(prints.at[-1]) if len(prints) else 0.0,
        rows=len(prints),
    )
