"""When a held position's executable price crosses a threshold and stays there, by the live monitor."""

from remora.backtest.history import instant
from remora.backtest.holding import Holding
from remora.backtest.shelf import BookShelf
from remora.backtest.track import Track
from remora.domain.exits import CrossingKind, CrossingMonitor, Thresholds
from remora.domain.limits import Limits

CHUNK = 4096
SOME = 256
"""Rows looked at in bulk: few at first, since most crossings are near."""

TINY = 1e-9

Reach = tuple[float, float]
"""Best bids at or below the first, or at or above the second, may cross a threshold."""


def monitor(holding: Holding, bounds: Thresholds, limits: Limits) -> CrossingMonitor:
    """Return the monitor that the live watcher would arm."""
    return CrossingMonitor(
        shares=holding.shares,
        bounds=bounds,
        updates_needed=limits.crossing_updates,
        age_needed=limits.crossing_age,
    )


def next_crossing(holding: Holding, track: Track, shelf: BookShelf) -> tuple[float, CrossingKind] | None:
    """Return when the next crossing counts, as far as the rows go, and remember how far was looked.

    Rows that cannot cross are passed over in bulk; each row that might is put to the live monitor.
    """
    assert holding.monitor is not None
    seeing, row, reach = holding.monitor, track.index(holding.watched_to) + 1, _reach(track, holding, shelf)
    age, pending = seeing.age_needed.total_seconds(), _pending(seeing)
    while True:
        if pending is None:
            row = _candidate(track, holding, row, reach)
        if row >= len(track.times):
            holding.watched_to = max(holding.watched_to, track.times[-1])
            return None if pending is None else (pending[0] + age, pending[1])
        at = track.times[row]
        if pending is not None and at - pending[0] >= age:
            return pending[0] + age, pending[1]
        kind = _show(holding, track, row, at, shelf)
        holding.watched_to = at
        if kind is not None:
            return at, kind
        pending = _pending(seeing)
        row += 1


def look_now(holding: Holding, track: Track, at: float, shelf: BookShelf) -> None:
    """Show a fresh monitor the book there is: a quiet market may print nothing for hours."""
    row = track.index(at)
    holding.watched_to = at
    if row >= 0:
        _show(holding, track, row, at, shelf)


def _show(holding: Holding, track: Track, row: int, at: float, shelf: BookShelf) -> CrossingKind | None:
    assert holding.monitor is not None
    book = track.book(row, holding.outcome, shelf)
    return None if book is None else holding.monitor.update(book, track.number.item(row), instant(at))


def _pending(seeing: CrossingMonitor) -> tuple[float, CrossingKind] | None:
    first = seeing.pending
    return None if first is None else (first[0].timestamp(), first[1])


def _reach(track: Track, holding: Holding, shelf: BookShelf) -> Reach | None:
    """Return which best bids may cross a threshold; None if any may."""
    if track.recorded is not None:
        return None  # recorded levels lie as deep below the touch as they like
    assert holding.monitor is not None
    bounds = holding.monitor.bounds
    slack = shelf.ticks_below(holding.monitor.shares) / track.unit.item(0)
    return (
        -1.0 if bounds.stop_price is None else float(bounds.stop_price) + slack + TINY,
        2.0 if bounds.target_price is None else float(bounds.target_price) - TINY,
    )


def _candidate(track: Track, holding: Holding, row: int, reach: Reach | None) -> int:
    """Return the first row from `row` on whose touch could lie beyond a threshold."""
    if reach is None:
        return row
    (stop, target), best, size = reach, track.best(holding.outcome), SOME
    while row < best.size:
        bids = best[row : row + size]
        hits = ((bids <= stop) | (bids >= target)).nonzero()[0]
        if hits.size:
            return row + int(hits[0])
        row, size = row + size, CHUNK
    return row
