"""What each source told of, and how late it was."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import InstrumentedAttribute

from remora.storage.detection_tables import TradeSighting

BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The first time that one source told of a trade; see the table for the two lags."""

    trade_key: str
    source: str
    whale: str
    token_id: str
    side: str
    kind: str
    happened_at: datetime
    seen_at: datetime
    lag_ms: int
    behind_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLag:
    """One source over a span of time; `first` counts the trades that no other source told of earlier."""

    source: str
    trades: int
    first: int
    lag_ms_p50: float
    lag_ms_p99: float
    behind_ms_p50: float | None
    behind_ms_p99: float | None


async def record_sightings(engine: AsyncEngine, rows: Sequence[Sighting]) -> None:
    """Write sightings; what another watcher wrote first stays."""
    for start in range(0, len(rows), BATCH):
        values = [asdict(row) for row in rows[start : start + BATCH]]
        async with engine.begin() as connection:
            await connection.execute(insert(TradeSighting).values(values).on_conflict_do_nothing())


async def source_lags(engine: AsyncEngine, *, since: datetime) -> list[SourceLag]:
    """Return how late each source was with what was seen since a wall-clock instant, by source."""
    row = TradeSighting

    def quantile(share: float, column: InstrumentedAttribute[Any]) -> ColumnElement[float]:
        return func.percentile_cont(share).within_group(column)

    query = (
        select(
            row.source,
            func.count(),
            func.count().filter(row.behind_ms.is_(None)),
            quantile(0.5, row.lag_ms),
            quantile(0.99, row.lag_ms),
            quantile(0.5, row.behind_ms),
            quantile(0.99, row.behind_ms),
        )
        .where(row.seen_at >= since)
        .group_by(row.source)
        .order_by(row.source)
    )
    async with engine.connect() as connection:
        found = (await connection.execute(query)).all()
    return [
        SourceLag(
            source=source,
            trades=trades,
            first=first,
            lag_ms_p50=lag_50,
            lag_ms_p99=lag_99,
            behind_ms_p50=behind_50,
            behind_ms_p99=behind_99,
        )
        for source, trades, first, lag_50, lag_99, behind_50, behind_99 in found
    ]
