"""Versions of the list of followed wallets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.chance import Learned
from remora.domain.decide import RosterStatus, WhaleStanding
from remora.domain.ids import WalletAddress
from remora.domain.money import ZERO
from remora.storage.tables import Roster, RosterEntry

CHANNEL = "roster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """One followed wallet; `edge` is dollars per share at a copier's price."""

    whale: WalletAddress
    edge: Decimal
    unproven: bool
    status: RosterStatus = RosterStatus.ACTIVE
    score: Decimal | None = None
    label: str = ""


async def publish_roster(
    engine: AsyncEngine,
    follows: Sequence[Follow],
    *,
    as_of: datetime,
    published_at: datetime,
    params: dict[str, Any],
) -> int:
    """Write a new version in one transaction, tell the watchers, return its number."""
    async with engine.begin() as connection:
        return await write_roster(connection, follows, as_of=as_of, published_at=published_at, params=params)


async def write_roster(
    connection: AsyncConnection,
    follows: Sequence[Follow],
    *,
    as_of: datetime,
    published_at: datetime,
    params: dict[str, Any],
) -> int:
    """Write a new version within a transaction; the watchers are told when it commits."""
    version = await connection.scalar(
        insert(Roster).values(as_of=as_of, published_at=published_at, params=params).returning(Roster.version)
    )
    assert isinstance(version, int)
    if follows:
        await connection.execute(
            insert(RosterEntry),
            [
                {
                    "version": version,
                    "whale": follow.whale,
                    "edge": follow.edge,
                    "unproven": follow.unproven,
                    "status": follow.status.value,
                    "score": follow.score,
                    "label": follow.label,
                }
                for follow in follows
            ],
        )
    await connection.execute(text(f"SELECT pg_notify('{CHANNEL}', :version)"), {"version": str(version)})
    return version


async def load_roster(engine: AsyncEngine) -> list[Follow]:
    """Return the newest version's wallets; empty before the first."""
    async with engine.connect() as connection:
        newest = select(func.max(Roster.version)).scalar_subquery()
        rows = await connection.execute(
            select(RosterEntry.__table__).where(RosterEntry.version == newest).order_by(RosterEntry.whale)
        )
        return [follow_of(row) for row in rows.mappings()]


def follow_of(row: Any) -> Follow:
    """Return a followed wallet from its row."""
    return Follow(
        whale=WalletAddress(row["whale"]),
        edge=row["edge"],
        unproven=row["unproven"],
        status=RosterStatus(row["status"]),
        score=row["score"],
        label=row["label"],
    )


def standing() -> Any:
    """Return the query of what the newest roster says about `whale`: one row, or none before the first."""
    newest = (
        select(Roster.version, Roster.published_at, Roster.params["learned"].label("learned"))
        .order_by(Roster.version.desc())
        .limit(1)
        .subquery()
    )
    return (
        select(newest.c.published_at, newest.c.learned, RosterEntry.edge, RosterEntry.unproven, RosterEntry.status)
        .select_from(newest)
        .outerjoin(
            RosterEntry, (RosterEntry.version == newest.c.version) & (RosterEntry.whale == bindparam("whale"))
        )
    )


def standing_of(row: Any) -> WhaleStanding:
    """Return what a row of `standing` says; all of it NULL when there was none."""
    if row.status is None:
        return WhaleStanding(
            on_roster=False,
            unproven=False,
            edge=ZERO,
            status=RosterStatus.DEMOTED,
            published_at=row.published_at,
        )
    return WhaleStanding(
        on_roster=True,
        unproven=row.unproven,
        edge=row.edge,
        status=RosterStatus(row.status),
        published_at=row.published_at,
        learned=Learned.from_recorded(row.learned),
    )


async def newest_params(engine: AsyncEngine, *, as_of: datetime | None = None) -> Mapping[str, Any]:
    """Return what is recorded with the newest roster (by then): parameters, funnel, verdicts; empty if none."""
    query = select(Roster.params).order_by(Roster.version.desc()).limit(1)
    async with engine.connect() as connection:
        found = await connection.scalar(query if as_of is None else query.where(Roster.published_at <= as_of))
    return found or {}


def learned_in(params: Mapping[str, Any]) -> Learned:
    """Return what a roster's parameters say of the learned model."""
    return Learned.from_recorded(params.get("learned"))


def counts_in(params: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return what a roster's parameters count: wallets by gate (``funnel``), rows not used (``left_out``)."""
    return {str(what): int(count) for what, count in (params.get(name) or {}).items()}
