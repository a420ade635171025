"""What one source saw and another did not."""

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from remora.domain.trades import TradeSource

OUTCOMES = 50
"""Trades over which a source is judged."""

JUDGED_FROM = 10
BLIND_FROM, SEEING_FROM = 0.3, 0.1
"""A source is called blind from this share of missed trades on, and seeing again below the other."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A trade that a source did not tell of in time, though others did."""

    key: str
    source: TradeSource
    seen_by: frozenset[TradeSource]


@dataclass(slots=True)
class _Open:
    first_at: datetime
    sources: set[TradeSource]
    judged: set[TradeSource] = field(default_factory=set)


class Coverage:
    """Waits for each expected source as long as its grace lasts, then counts what it missed."""

    def __init__(self, graces: Mapping[TradeSource, timedelta]) -> None:
        self._graces = dict(graces)
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._outcomes = {source: deque[bool]([], OUTCOMES) for source in graces}
        self.blind: set[TradeSource] = set()

    @property
    def sources(self) -> frozenset[TradeSource]:
        """The sources that are judged."""
        return frozenset(self._graces)

    def seen(self, key: str, source: TradeSource, at: datetime) -> None:
        """Note that a source told of a trade."""
        trade = self._open.get(key)
        if trade is None:
            trade = self._open[key] = _Open(at, set())
        trade.sources.add(source)
        if source in self._graces and source not in trade.judged:
            trade.judged.add(source)
            self._outcomes[source].append(True)

    def judge(self, now: datetime) -> list[Missed]:
        """Return what sources missed since the last call, once each."""
        missed = list(self._overdue(now))
        for one in missed:
            self._outcomes[one.source].append(False)
        longest = max(self._graces.values(), default=timedelta(0))
        while self._open and now - next(iter(self._open.values())).first_at > 2 * longest:
            self._open.popitem(last=False)
        return missed

    def share(self, source: TradeSource) -> float | None:
        """Return the share of the newest trades that a source saw, None while there are too few."""
        outcomes = self._outcomes[source]
        return sum(outcomes) / len(outcomes) if len(outcomes) >= JUDGED_FROM else None

    def turned(self) -> Iterator[tuple[TradeSource, bool]]:
        """Iterate over sources that became blind (True) or see again (False) since the last call."""
        for source in self._graces:
            share = self.share(source)
            if share is None:
                continue
            if source not in self.blind and 1 - share >= BLIND_FROM:
                self.blind.add(source)
                yield source, True
            elif source in self.blind and 1 - share < SEEING_FROM:
                self.blind.discard(source)
                yield source, False

    def _overdue(self, now: datetime) -> Iterator[Missed]:
        for key, trade in self._open.items():
            for source, grace in self._graces.items():
                if source not in trade.judged and now - trade.first_at > grace:
                    trade.judged.add(source)
                    yield Missed(key, source, frozenset(trade.sources))
