"""The desk row: dials, cash, day."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.money import ZERO
from remora.domain.reasons import DeskMode
from remora.storage import ledger
from remora.storage.tables import Desk, DeskAudit


class DeskMissing(LookupError):
    """No desk row exists for this account yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRow:
    """The desk as stored."""

    account: AccountId
    venue_mode: str
    mode: DeskMode
    scale: Decimal
    cash: Decimal
    day: date
    day_start_equity: Decimal
    high_water_mark: Decimal
    changed_at: datetime
    changed_by: str
    reason: str


async def ensure_desk(
    engine: AsyncEngine, account: AccountId, *, venue_mode: str, cash: Decimal, now: datetime, now_venue: datetime
) -> DeskRow:
    """Create the desk with its opening balance if it does not exist, and return it."""
    async with engine.begin() as connection:
        created = await connection.execute(
            insert(Desk)
            .values(
                account=account,
                venue_mode=venue_mode,
                mode=DeskMode.TRADING.value,
                scale=Decimal(1),
                cash=ZERO,
                day=now_venue.date(),
                day_start_equity=cash,
                high_water_mark=cash,
                changed_at=now,
                changed_by="remora",
                reason="created",
            )
            .on_conflict_do_nothing()
        )
        if created.rowcount and cash > 0:
            await ledger.post(
                connection,
                account,
                kind="deposit",
                reference="opening",
                at=now,
                entries=[ledger.Entry("cash", "usd", cash), ledger.Entry("deposits", "usd", -cash)],
            )
        return await load(connection, account)


async def load(connection: AsyncConnection, account: AccountId, *, lock: bool = False) -> DeskRow:
    """Return the desk row, locked until the transaction ends if asked; raise DeskMissing without one."""
    query = select(Desk.__table__).where(Desk.account == account)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        raise DeskMissing(f"no desk for account {account}: start the stack first (remora up)")
    return DeskRow(**{**row, "mode": DeskMode(row["mode"])})


async def load_desk(engine: AsyncEngine, account: AccountId) -> DeskRow:
    """Return the desk row; raise DeskMissing without one."""
    async with engine.connect() as connection:
        return await load(connection, account)


async def set_desk_mode(
    engine: AsyncEngine, account: AccountId, *, mode: DeskMode, by: str, reason: str, now: datetime
) -> DeskRow:
    """Turn the mode dial and write who did it and why; a repeated call changes nothing."""
    async with engine.begin() as connection:
        before = await load(connection, account, lock=True)
        if before.mode is mode:
            return before
        await connection.execute(
            update(Desk)
            .where(Desk.account == account)
            .values(mode=mode.value, changed_at=now, changed_by=by, reason=reason)
        )
        await _audit(connection, before, {"mode": mode.value}, by=by, action=mode.value, reason=reason, now=now)
        return await load(connection, account)


async def _audit(
    connection: AsyncConnection,
    before: DeskRow,
    after: dict[str, Any],
    *,
    by: str,
    action: str,
    reason: str,
    now: datetime,
) -> None:
    old = {name: str(getattr(before, name)) for name in after}
    await connection.execute(
        insert(DeskAudit).values(
            account=before.account, at=now, by=by, action=action, reason=reason, before=old, after=after
        )
    )


async def audit_trail(engine: AsyncEngine, account: AccountId) -> list[dict[str, Any]]:
    """Return every change of the desk's dials, oldest first."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(DeskAudit.__table__).where(DeskAudit.account == account).order_by(DeskAudit.id)
        )
        return [dict(row) for row in rows.mappings()]


async def roll_day(
    connection: AsyncConnection, desk: DeskRow, *, equity: Decimal, now_venue: datetime
) -> tuple[Decimal, Decimal]:
    """Start a new day if one began, raise the high-water mark; return (day's base, high-water mark)."""
    today = now_venue.date()
    base = equity if today > desk.day else desk.day_start_equity
    mark = max(desk.high_water_mark, equity)
    if today > desk.day or mark > desk.high_water_mark:
        await connection.execute(
            update(Desk)
            .where(Desk.account == desk.account)
            .values(day=max(today, desk.day), day_start_equity=base, high_water_mark=mark)
        )
    return base, mark
