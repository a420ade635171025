"""Which source told of which trade, and how late: the lag of each, and what each missed."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.coverage import Coverage
from remora.detection.pace import Pace
from remora.detection.venue_time import VenueTime
from remora.domain.trades import TradeKind, TradeSource, WhaleTrade
from remora.storage.sightings import Sighting, record_sightings
from remora.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

HISTORY_AFTER = timedelta(seconds=120)
"""What is told of later than this is history, which no stream can be blamed for."""

REMEMBERED = 20_000
WAITING_MAX = 20_000
"""Rows kept while the database is away; the newest are kept."""


class Sightings:
    """Notes the first time that each source tells of a trade; written in batches, off the hot path.

    `blind` is called with the name of a source that misses too much.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        sources: Collection[TradeSource],
        time: VenueTime,
        pace: Pace,
        metrics: Metrics,
        blind: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._time = time
        self._pace = pace
        self._metrics = metrics
        self._blind = blind
        self._opened_again: dict[TradeSource, datetime] = {}
        self._first: OrderedDict[str, dict[TradeSource, datetime]] = OrderedDict()
        self._unwritten: list[Sighting] = []
        graces = {TradeSource.CHAIN: pace.stream_grace, TradeSource.RTDS: pace.stream_grace}
        graces[TradeSource.DATA_API] = pace.poll_grace
        self.coverage = Coverage({source: graces[source] for source in sources})

    def note(self, trade: WhaleTrade) -> None:
        """Note that a trade was delivered; only the first delivery by each source counts."""
        seen = self._first.get(trade.key)
        if seen is None:
            seen = self._first[trade.key] = {}
            if len(self._first) > REMEMBERED:
                self._first.popitem(last=False)
        if trade.source in seen:
            return
        first = min(seen.values(), default=None)
        seen[trade.source] = trade.seen_at
        lag = trade.seen_at - self._time.clock.wall_time(trade.happened_at)
        behind = None if first is None else trade.seen_at - first
        self._unwritten.append(_sighting(trade, lag, behind))
        del self._unwritten[:-WAITING_MAX]
        if lag > HISTORY_AFTER:
            return
        self._metrics.feed_lag.labels(trade.source.value).observe(max(0.0, lag.total_seconds()))
        if behind is not None:
            self._metrics.source_behind.labels(trade.source.value).observe(max(0.0, behind.total_seconds()))
        if trade.kind is TradeKind.TRADE:
            self.coverage.seen(trade.key, trade.source, trade.seen_at)

    async def run(self) -> None:
        """Write and judge for ever."""
        while True:
            await asyncio.sleep(self._pace.sightings_every)
            self.judge()
            await self.write()

    async def write(self) -> None:
        """Write what was noted; what cannot be written is kept for the next time."""
        rows, self._unwritten = self._unwritten, []
        try:
            await record_sightings(self._engine, rows)
        except BaseException:
            self._unwritten = (rows + self._unwritten)[-WAITING_MAX:]
            raise

    def judge(self) -> None:
        """Count what sources missed, and say so when one sees too little."""
        for missed in self.coverage.judge(self._time.now()):
            seen_by = "+".join(sorted(missed.seen_by))
            self._metrics.source_missed.labels(missed.source.value, seen_by).inc()
            if missed.source not in self.coverage.blind:  # of a blind one nothing else is expected
                log.warning("trade.missed", source=missed.source, seen_by=seen_by, key=missed.key)
        for source in self.coverage.sources:
            if (share := self.coverage.share(source)) is not None:
                self._metrics.source_coverage.labels(source.value).set(share)
        for source, blind in self.coverage.turned():
            report = log.error if blind else log.info
            report("source.blind" if blind else "source.sees_again", source=source)
        self._open_blind_ones()

    def _open_blind_ones(self) -> None:
        """Have blind streams opened again: they freeze, and nodes lie, with the connection in order."""
        now = self._time.now()
        for source in self.coverage.blind:
            last = self._opened_again.get(source)
            if last is None or now - last >= self._pace.blind_again_after:
                self._opened_again[source] = now
                self._blind(source.value)


def _sighting(trade: WhaleTrade, lag: timedelta, behind: timedelta | None) -> Sighting:
    return Sighting(
        trade_key=trade.key,
        source=trade.source,
        whale=trade.whale,
        token_id=trade.token_id,
        side=trade.side,
        kind=trade.kind,
        happened_at=trade.happened_at,
        seen_at=trade.seen_at,
        lag_ms=round(lag.total_seconds() * 1000),
        behind_ms=None if behind is None else round(behind.total_seconds() * 1000),
    )
