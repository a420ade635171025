"""What holdings are worth: each market is looked at once per move, however many positions it carries."""

import heapq
from collections.abc import Iterable

from remora.backtest.desk import Desk
from remora.backtest.history import NEVER
from remora.backtest.holding import Holding
from remora.backtest.shelf import BookShelf
from remora.backtest.track import Track
from remora.backtest.tracks import Tracks


class Marks:
    """Keeps the desk's holdings at their executable bids up to an instant."""

    def __init__(self, desk: Desk, shelf: BookShelf) -> None:
        self._desk, self._shelf = desk, shelf
        self._held: dict[int, dict[int, Holding]] = {}
        self._moves: list[tuple[float, int]] = []
        self._awaited: set[int] = set()

    def load(self, tracks: Tracks, now: float) -> None:
        """Look for the next move of every market that is held in rows that came after `now`."""
        self._moves, self._awaited = [], set()
        for market in self._held:
            if tracks.has(market):
                self._await(market, tracks[market], tracks[market].index(now))

    def follow(self, holding: Holding, track: Track, at: float) -> None:
        """Value a holding whose shares changed, and from then on with each move of its market."""
        row = track.index(at)
        self._held.setdefault(holding.market, {})[holding.number] = holding
        self._desk.set_mark(holding, track.executable_bid(row, holding.outcome, self._shelf, holding.shares))
        if holding.market not in self._awaited:
            self._await(holding.market, track, row)

    def advance(self, tracks: Tracks, at: float) -> None:
        """Value every holding whose market moved since it was last valued."""
        moves = self._moves
        while moves and moves[0][0] <= at:
            market = heapq.heappop(moves)[1]
            self._awaited.discard(market)
            held = self._held[market]
            for number in [n for n, h in held.items() if h.ended_at is not None or h.shares <= 0]:
                del held[number]
            if not held:
                del self._held[market]
                continue
            track = tracks[market]
            row = track.index(at)
            self._mark(held.values(), track, row)
            self._await(market, track, row)

    def _mark(self, held: Iterable[Holding], track: Track, row: int) -> None:
        desk, shelf = self._desk, self._shelf
        best = track.best_bids(row, shelf)
        for holding in held:
            level = best[holding.outcome]
            if holding.shares <= level.size:
                desk.set_mark(holding, level.price)
            else:
                desk.set_mark(holding, track.executable_bid(row, holding.outcome, shelf, holding.shares))

    def _await(self, market: int, track: Track, row: int) -> None:
        following = track.next_change(row)
        if following < NEVER:
            self._awaited.add(market)
            heapq.heappush(self._moves, (following, market))
