"""Alerts as an outbox: raised once per key, kept until somebody took them or they are stale."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.alerts import Alert, AlertKind
from remora.domain.ids import AccountId
from remora.storage.watch_tables import AlertRow

STALE: Final = timedelta(hours=24)
"""An alert that nobody took for so long is not sent any more: it stays in the table."""

BATCH: Final = 100


async def raise_alerts(
    engine: AsyncEngine, account: AccountId, alerts: Sequence[Alert], *, now: datetime
) -> list[str]:
    """Write alerts that were not raised before; return their keys."""
    if not alerts:
        return []
    rows = [
        {
            "account": account,
            "key": alert.key,
            "kind": alert.kind.value,
            "title": alert.title,
            "body": alert.body,
            "raised_at": now,
        }
        for alert in {alert.key: alert for alert in alerts}.values()
    ]
    statement = insert(AlertRow).values(rows).on_conflict_do_nothing().returning(AlertRow.key)
    async with engine.begin() as connection:
        return [row.key for row in await connection.execute(statement)]


@contextlib.asynccontextmanager
async def sending(engine: AsyncEngine, account: AccountId) -> AsyncIterator[bool]:
    """Say whether we may send while the block runs: of several workers that see the same alert, one tells it."""
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"alerts/{account}", 0))
    async with engine.begin() as connection:
        yield bool(await connection.scalar(select(lock)))


async def waiting(engine: AsyncEngine, account: AccountId, *, now: datetime) -> list[Alert]:
    """Return alerts that nobody took yet, oldest first."""
    query = (
        select(AlertRow.__table__)
        .where(AlertRow.account == account, AlertRow.sent_at.is_(None), AlertRow.raised_at > now - STALE)
        .order_by(AlertRow.raised_at, AlertRow.key)
        .limit(BATCH)
    )
    async with engine.connect() as connection:
        rows = await connection.execute(query)
        return [
            Alert(key=row["key"], kind=AlertKind(row["kind"]), title=row["title"], body=row["body"])
            for row in rows.mappings()
        ]


async def mark_sent(engine: AsyncEngine, account: AccountId, keys: Sequence[str], *, now: datetime) -> None:
    """Write that these alerts were taken."""
    async with engine.begin() as connection:
        await connection.execute(
            update(AlertRow).where(AlertRow.account == account, AlertRow.key.in_(keys)).values(sent_at=now)
        )


async def mark_tried(engine: AsyncEngine, account: AccountId, keys: Sequence[str]) -> None:
    """Write that these alerts were offered and not taken."""
    async with engine.begin() as connection:
        await connection.execute(
            update(AlertRow)
            .where(AlertRow.account == account, AlertRow.key.in_(keys))
            .values(attempts=AlertRow.attempts + 1)
        )


async def messages_since(engine: AsyncEngine, account: AccountId, since: datetime) -> int:
    """Return how many messages were taken since then."""
    query = select(func.count(func.distinct(AlertRow.sent_at))).where(
        AlertRow.account == account, AlertRow.sent_at > since
    )
    async with engine.connect() as connection:
        return int(await connection.scalar(query) or 0)
