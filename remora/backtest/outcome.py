"""What a replay came to: decisions with their reasons, positions with their dollars, and the daily path."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from remora.backtest.history import Floats
from remora.backtest.holding import Holding
from remora.backtest.signals import Seed
from remora.backtest.track import DAY, Track
from remora.domain.decide import Copy, Decision
from remora.domain.reasons import SkipReason

WORDS = {reason: reason.value for reason in SkipReason}
"""Asking a member for its value takes longer than looking it up, and refusals are many."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision at `at` (seconds since 1970) about the signal `key`; `word` is ``copy`` or a reason code."""

    at: float
    key: str
    whale: str
    market: int
    outcome: int
    word: str
    terms: Decision | None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Everything a replay tells. `recorded` replays keep each decision, the others only count them."""

    capital: float
    start: float
    end: float
    recorded: bool = True
    rows: int = 0
    signals: int = 0
    copies: int = 0
    exits: int = 0
    cash: float = 0.0
    equity: float = 0.0
    skips: Counter[str] = field(default_factory=Counter)
    dust: Counter[str] = field(default_factory=Counter)
    decisions: list[Decided] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)

    def decided(self, at: float, seed: Seed, decision: Decision) -> None:
        """Count a decision, and keep it if decisions are recorded."""
        self.signals += 1
        if isinstance(decision, Copy):
            word = "copy"
            self.copies += 1
        else:
            word = WORDS[decision.reason]
            self.skips[word] += 1
        if self.recorded:
            self._keep(at, seed, word, decision)

    def followed(self, at: float, seed: Seed) -> None:
        """Count a whale's exit that reached a position."""
        self.exits += 1
        if self.recorded:
            self._keep(at, seed, "exit", None)

    def _keep(self, at: float, seed: Seed, word: str, terms: Decision | None) -> None:
        signal = seed.signal
        self.decisions.append(Decided(at, signal.key, signal.whale, seed.market, seed.outcome, word, terms))

    @property
    def filled(self) -> list[Holding]:
        """Return the positions that bought anything."""
        return [holding for holding in self.holdings if holding.books.bought_shares > 0]


def days_of(start: float, end: float) -> int:
    """Return the number of UTC days from `start` up to `end`."""
    return max(1, int(np.ceil(end / DAY)) - int(start // DAY))


def ends_of(start: float, days: int) -> Floats:
    """Return when each of a number of UTC days from `start` ends."""
    return (np.arange(days, dtype=np.float64) + int(start // DAY) + 1) * DAY


def closing_bids(track: Track, outcome: int, ends: Floats) -> Floats:
    """Return the best bid of an outcome at the end of each day; before the first row that of the first."""
    rows = np.maximum(track.at.searchsorted(ends, "left") - 1, 0)
    unit = track.unit[rows].astype(np.float64)
    bids: Floats = track.bid[rows] / unit if outcome == 0 else 1.0 - track.ask[rows] / unit
    return bids


def daily_pnl(holding: Holding, closing: Floats, ends: Floats) -> Floats:
    """Return a position's profit and loss by UTC day, marked to the best bid (`closing`) at the end of each.

    The days sum to its final profit, for which what is still held counts at what it would bring; after its end
    nothing moves any more.
    """
    path = np.zeros(ends.size)
    if not holding.flows:
        return path
    at, dollars, held = np.array(list(zip(*holding.flows, strict=True)))
    cash = dollars.cumsum()
    if holding.ended_at is not None:
        held[-1] = 0.0
    place = at.searchsorted(ends, "left") - 1
    low = int(place.searchsorted(0))
    if low == ends.size:
        return path
    place = place[low:]
    value = cash[place] + held[place] * closing[low:]
    if holding.ended_at is None:
        value[-1] = cash[-1] + float(holding.value)
    path[low] = value[0]
    path[low + 1 :] = value[1:] - value[:-1]
    return path
