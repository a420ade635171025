"""Every backtest that was ever run on a data set."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.storage.trial_tables import TrialRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One configuration and its daily Sharpe ratio (None if nothing varied)."""

    key: str
    fingerprint: str
    sharpe: float | None
    days: int
    recorded: dict[str, Any]


async def remember(engine: AsyncEngine, trial: Trial, *, now: datetime) -> None:
    """Keep a trial; one that was run before keeps its first time and takes the newest Sharpe ratio."""
    row = insert(TrialRow).values(
        key=trial.key,
        fingerprint=trial.fingerprint,
        first_at=now,
        last_at=now,
        runs=1,
        days=trial.days,
        sharpe=trial.sharpe,
        recorded=trial.recorded,
    )
    again = row.on_conflict_do_update(
        index_elements=[TrialRow.key],
        set_={
            "fingerprint": trial.fingerprint,
            "last_at": now,
            "runs": TrialRow.runs + 1,
            "sharpe": trial.sharpe,
            "days": trial.days,
        },
    )
    async with engine.begin() as connection:
        await connection.execute(again)


async def sharpes(engine: AsyncEngine, fingerprint: str) -> list[float]:
    """Return the daily Sharpe ratio of every configuration tried on a data set; 0 where nothing varied."""
    query = (
        select(func.coalesce(TrialRow.sharpe, 0.0))
        .where(TrialRow.fingerprint == fingerprint)
        .order_by(TrialRow.first_at, TrialRow.key)
    )
    async with engine.connect() as connection:
        return [float(value) for value in await connection.scalars(query)]
