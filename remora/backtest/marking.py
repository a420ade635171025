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
            _, market, row = moves[0]
            track = tracks[market]
            times = track.times
            if row + 1 < len(times) and times[row + 1] <= at:
                row = bisect_right(times, at, row + 1) - 1
            following = track.following.item(row) if self._mark(market, track, row) else len(times)
            if following < len(times):
                heapq.heapreplace(moves, (times[following], market, following))
            else:
                heapq.heappop(moves)
                self._awaited.discard(market)

    def _mark(self, market: int, track: Track, row: int) -> bool:
        """Value every holding of a market and forget those that ended; tell whether any is left."""
        held, best, gone = self._held[market], track.best_bids(row, self._shelf), []
        for number, holding in held.items():
            level = best[holding.outcome]
            if holding.ended_at is not None or holding.shares <= 0:
                gone.append(number)
            elif holding.shares > level.size:
                price = track.executable_bid(row, holding.outcome, self._shelf, holding.shares)
                self._desk.set_mark(holding, price)
            elif level.price is not holding.mark:
                self._desk.set_mark(holding, level.price)
        for number in gone:
            del held[number]
        if not held:
            del self._held[market]
        return bool(held)

    def _await(self, market: int, track: Track, row: int) -> None:
        following = track.next_change(row)
        if following < len(track.times):
            self._awaited.add(market)
            heapq.heappush(self._moves, (track.times[following], market, following))
