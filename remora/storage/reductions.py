"""Desk-wide reductions: ordered once, told to every position that was held then, finished when all know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.reasons import ExitReason
from remora.storage.desk import DeskRow
from remora.storage.tables import NOT_ENDED, DeskReduction, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A share of every position held when it was ordered, to be sold."""

    account: AccountId
    number: int
    share: Decimal
    exit_reason: ExitReason
    by: str
    ordered_at: datetime

    @property
    def key(self) -> str:
        """Tell it from every other one: a database restored from a backup gives numbers out again."""
        return f"reduction/{self.number}/{self.ordered_at.isoformat()}"


async def order_reduction(
    connection: AsyncConnection, desk: DeskRow, *, share: Decimal, reason: ExitReason, by: str, now: datetime
) -> int:
    """Write a reduction under the desk's lock; return its number, which the desk row must take.

    Positions made later carry the desk's newest number and are left alone.
    """
    number = desk.reduction + 1
    await connection.execute(
        insert(DeskReduction).values(
            account=desk.account,
            number=number,
            share=share,
            exit_reason=reason.value,
            by=by,
            ordered_at=now,
        )
    )
    return number


async def unfinished(engine: AsyncEngine, account: AccountId) -> list[Reduction]:
    """Return the reductions that not every position has heard of, oldest first."""
    query = (
        select(DeskReduction.__table__)
        .where(DeskReduction.account == account, DeskReduction.finished_at.is_(None))
        .order_by(DeskReduction.number)
    )
    async with engine.connect() as connection:
        rows = await connection.execute(query)
        return [
            Reduction(
                account=AccountId(row["account"]),
                number=row["number"],
                share=row["share"],
                exit_reason=ExitReason(row["exit_reason"]),
                by=row["by"],
                ordered_at=row["ordered_at"],
            )
            for row in rows.mappings()
        ]


async def untold(engine: AsyncEngine, reduction: Reduction) -> list[tuple[str, str]]:
    """Return (position id, workflow id) of every position that has to hear of a reduction and has not."""
    query = (
        select(Position.id, Position.workflow_id)
        .where(Position.account == reduction.account, NOT_ENDED, Position.reduction < reduction.number)
        .order_by(Position.opened_at, Position.id)
    )
    async with engine.connect() as connection:
        return [(row.id, row.workflow_id) for row in await connection.execute(query)]


async def mark_told(engine: AsyncEngine, reduction: Reduction, positions: Sequence[str]) -> None:
    """Write that these positions have heard of the reduction."""
    async with engine.begin() as connection:
        await connection.execute(
            update(Position)
            .where(Position.id.in_(positions), Position.reduction < reduction.number)
            .values(reduction=reduction.number)
        )


async def finish(engine: AsyncEngine, reduction: Reduction, *, now: datetime) -> None:
    """Write that every position has heard of the reduction."""
    async with engine.begin() as connection:
        await connection.execute(
            update(DeskReduction)
            .where(DeskReduction.account == reduction.account, DeskReduction.number == reduction.number)
            .values(finished_at=now)
        )
