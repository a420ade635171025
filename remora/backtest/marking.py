"""What holdings are worth: each market is looked at once per move, however many positions it carries."""

import heapq
from bisect import bisect_right

from remora.backtest.desk import Desk
from remora.backtest.holding import Holding
from remora.backtest.shelf import BookShelf
from remora.backtest.track import Track
from remora.backtest.tracks import Tracks


class Marks:
    """Keeps the desk's holdings at their executable bids up to an instant."""

    def __init__(self, desk: Desk, shelf: BookShelf) -> None:
        self._desk, self._shelf = desk, shelf
        self._held: dict[int, dict[int, Holding]] = {}
        self._moves: list[tuple[float, int, int]] = []
        self._awaited: set[int] = set()
        self._looked = 0.0

    def load(self, tracks: Tracks) -> None:
        """Look for the next move of every market that is held in rows that came since its value was asked for."""
        self._moves, self._awaited = [], set()
        for market in self._held:
            if tracks.has(market):
                self._await(market, tracks[market], tracks[market].index(self._looked))

    def follow(self, holding: Holding, track: Track, at: float) -> None:
        """Value a holding whose shares changed, and from then on with each move of its market."""
        row = track.index(at)
        self._held.setdefault(holding.market, {})[holding.number] = holding
        self._desk.set_mark(holding, track.executable_bid(row, holding.outcome, self._shelf, holding.shares))
        if holding.market not in self._awaited:
            self._await(holding.market, track, row)

    def advance(self, tracks: Tracks, at: float) -> None:
        """Value every holding whose market moved since it was last valued."""
        self._looked, moves, held_in = at, self._moves, self._held
        while moves and moves[0][0] <= at:
            _, market, row = moves[0]
            track, held = tracks[market], held_in[market]
            times = track.times
            if row + 1 < len(times) and times[row + 1] <= at:
                row = bisect_right(times, at, row + 1) - 1
            if self._mark(held, track, row):
                self._forget_ended(market, held)
            following = track.following.item(row)
            if held and following < len(times):
                heapq.heapreplace(moves, (times[following], market, following))
            else:
                heapq.heappop(moves)
                self._awaited.discard(market)

    def _mark(self, held: dict[int, Holding], track: Track, row: int) -> bool:
        """Value every holding of a market; tell whether any of them ended."""
        best, ended, desk = track.best_bids(row, self._shelf), False, self._desk
        for holding in held.values():
            level = best[holding.outcome]
            if holding.ended_at is not None or not holding.shares:
                ended = True
            elif holding.shares > level.size:
                desk.set_mark(holding, track.executable_bid(row, holding.outcome, self._shelf, holding.shares))
            elif level.price is not holding.mark:
                desk.set_mark(holding, level.price)
        return ended

    def _forget_ended(self, market: int, held: dict[int, Holding]) -> None:
        for number in [n for n, h in held.items() if h.ended_at is not None or h.shares <= 0]:
            del held[number]
        if not held:
            del self._held[market]

    def _await(self, market: int, track: Track, row: int) -> None:
        following = track.next_change(row)
        if following < len(track.times):
            self._awaited.add(market)
            heapq.heappush(self._moves, (track.times[following], market, following))
