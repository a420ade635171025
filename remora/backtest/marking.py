"""What holdings are worth: each market is looked at once per move, or many holdings at once."""

import heapq
from bisect import bisect_right
from collections.abc import Iterator

from remora.backtest.desk import Desk
from remora.backtest.holding import Holding
from remora.backtest.shelf import BookShelf
from remora.backtest.together import Together
from remora.backtest.track import Track
from remora.backtest.tracks import Tracks
from remora.domain.money import ZERO

MANY, FEW = 40, 20
"""Holdings from which on all are looked up with each question, and below which moves are followed again."""


class Marks:
    """Keeps the desk's value at the executable bids of what is held, up to an instant.

    While few are held each market is looked at when it moves, and each holding's own value is kept too. While many
    are, arrays give the sum alone, and a holding's own value is worked out when it ends or the replay does.
    """

    def __init__(self, desk: Desk, shelf: BookShelf) -> None:
        self._desk, self._shelf = desk, shelf
        self._held: dict[int, dict[int, Holding]] = {}
        self._count = 0
        self._moves: list[tuple[float, int, int]] = []
        self._awaited: set[int] = set()
        self._looked = 0.0
        self._together: Together | None = None
        self._apart: dict[int, Holding] = {}

    def load(self, tracks: Tracks) -> None:
        """Look for the next move of every market that is held in rows that came since its value was asked for."""
        if self._together is not None:
            self._join(tracks)
            return
        self._moves, self._awaited = [], set()
        for market in self._held:
            if tracks.has(market):
                self._await(market, tracks[market], tracks[market].index(self._looked))

    def follow(self, holding: Holding, track: Track, at: float) -> None:
        """Value a holding whose shares changed, and from then on."""
        held = self._held.setdefault(holding.market, {})
        self._count += holding.number not in held
        held[holding.number] = holding
        if self._together is not None:
            self._take(self._together, holding)
            if holding.shares:
                return  # the sum is worked out anew with the next question
        row = track.index(at)
        self._desk.set_mark(holding, track.executable_bid(row, holding.outcome, self._shelf, holding.shares))
        if self._together is None and holding.market not in self._awaited:
            self._await(holding.market, track, row)

    def forget(self, holding: Holding) -> None:
        """Value a holding no more."""
        held = self._held.get(holding.market)
        if held is None or held.pop(holding.number, None) is None:
            return
        self._count -= 1
        if not held:
            del self._held[holding.market]
        if self._together is not None:
            self._together.drop(holding)
            self._apart.pop(holding.number, None)

    def advance(self, tracks: Tracks, at: float) -> None:
        """Bring the desk's value to an instant."""
        self._looked = at
        if self._together is None:
            if self._count < MANY:
                self._follow_moves(tracks, at)
                return
            self._join(tracks)
        elif self._count < FEW:
            self.separate(tracks, at)
            return
        assert self._together is not None
        total = self._together.value(at)
        for holding in self._apart.values():
            track = tracks[holding.market]
            bid = track.executable_bid(track.index(at), holding.outcome, self._shelf, holding.shares)
            self._desk.set_mark(holding, bid)
            total += holding.value
        self._desk.value = total

    def separate(self, tracks: Tracks, at: float) -> None:
        """Value every holding by itself at an instant, and from then on with each move of its market."""
        self._together, self._apart = None, {}
        for holding in self._desk.open.values():
            holding.value = ZERO
        self._desk.value = ZERO
        self._moves, self._awaited = [], set()
        for holding in self._all():
            if holding.shares:
                self.follow(holding, tracks[holding.market], at)

    def _join(self, tracks: Tracks) -> None:
        """Look up everything that is held at once from now on."""
        self._moves, self._awaited, self._apart = [], set(), {}
        made = self._together = Together(tracks, self._shelf)
        for holding in self._all():
            self._take(made, holding)

    def _take(self, made: Together, holding: Holding) -> None:
        if made.take(holding):
            self._apart.pop(holding.number, None)
        else:
            self._apart[holding.number] = holding

    def _all(self) -> Iterator[Holding]:
        for held in self._held.values():
            yield from held.values()

    def _follow_moves(self, tracks: Tracks, at: float) -> None:
        """Value every holding whose market moved since it was last valued."""
        moves, held_in = self._moves, self._held
        while moves and moves[0][0] <= at:
            _, market, row = moves[0]
            held = held_in.get(market)
            if held is None:
                heapq.heappop(moves)
                self._awaited.discard(market)
                continue
            track = tracks[market]
            times = track.times
            if row + 1 < len(times) and times[row + 1] <= at:
                row = bisect_right(times, at, row + 1) - 1
            self._mark(held, track, row)
            following = track.next_change(row)
            if following < len(times):
                heapq.heapreplace(moves, (times[following], market, following))
            else:
                heapq.heappop(moves)
                self._awaited.discard(market)

    def _mark(self, held: dict[int, Holding], track: Track, row: int) -> None:
        """Value every holding of a market."""
        best, desk = track.best_bids(row, self._shelf), self._desk
        for holding in held.values():
            level = best[holding.outcome]
            if holding.shares > level.size:
                desk.set_mark(holding, track.executable_bid(row, holding.outcome, self._shelf, holding.shares))
            elif level.price is not holding.mark and holding.shares:
                desk.set_mark(holding, level.price)

    def _await(self, market: int, track: Track, row: int) -> None:
        following = track.next_change(row)
        if following < len(track.times):
            self._awaited.add(market)
            heapq.heappush(self._moves, (track.times[following], market, following))
