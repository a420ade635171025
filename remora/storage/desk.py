"""The desk row: dials, cash, day."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.desk import Standing, roll, trading_day
from remora.domain.ids import AccountId
from remora.domain.limits import Limits
from remora.domain.money import ZERO
from remora.domain.reasons import DeskMode
from remora.storage import ledger
from remora.storage.tables import Desk, DeskAudit

UTC_DAY = Limits().day_zone

_READ = select(Desk.__table__).where(Desk.account == bindparam("account"))
_LOCKED = _READ.with_for_update()


class DeskMissing(LookupError):
    """No desk row exists for this account yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRow:
    """The desk as stored.

    `revision` counts the turns of its dials, `reduction` is the number of the last desk-wide reduction.
    """

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
    revision: int
    reduction: int


async def ensure_desk(
    engine: AsyncEngine,
    account: AccountId,
    *,
    venue_mode: str,
    cash: Decimal,
    now: datetime,
    now_venue: datetime,
    day_zone: str = UTC_DAY,
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
                day=trading_day(now_venue, day_zone),
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
    row = (await connection.execute(_LOCKED if lock else _READ, {"account": account})).mappings().first()
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
    """Turn the mode dial whatever it shows, and write who did it and why; a repeated call changes nothing."""
    async with engine.begin() as connection:
        before = await load(connection, account, lock=True)
        if before.mode is not mode:
            await turn(connection, before, {"mode": mode}, by=by, action=mode.value, reason=reason, now=now)
        return await load(connection, account)


async def turn(
    connection: AsyncConnection,
    before: DeskRow,
    values: dict[str, Any],
    *,
    by: str,
    action: str,
    reason: str,
    now: datetime,
    key: str | None = None,
) -> None:
    """Change the locked desk row and write who did it and why. Who last turned the mode shows on the row."""
    signed = {"changed_at": now, "changed_by": by, "reason": reason} if "mode" in values else {}
    await connection.execute(
        update(Desk).where(Desk.account == before.account).values(**values, **signed, revision=Desk.revision + 1)
    )
    old = {name: str(getattr(before, name)) for name in values}
    new = {name: str(value) for name, value in values.items()}
    await audit(
        connection, before.account, key=key, by=by, action=action, reason=reason, now=now, change=(old, new)
    )


async def audit(
    connection: AsyncConnection,
    account: AccountId,
    *,
    by: str,
    action: str,
    reason: str,
    now: datetime,
    key: str | None = None,
    change: tuple[dict[str, str], dict[str, str]] = ({}, {}),
) -> None:
    """Write one line of the audit trail: what changed, from what to what."""
    await connection.execute(
        insert(DeskAudit).values(
            account=account,
            key=key,
            at=now,
            by=by,
            action=action,
            reason=reason,
            before=change[0],
            after=change[1],
        )
    )


async def audit_trail(engine: AsyncEngine, account: AccountId) -> list[dict[str, Any]]:
    """Return every order to the desk and change of its dials, oldest first."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(DeskAudit.__table__).where(DeskAudit.account == account).order_by(DeskAudit.id)
        )
        return [dict(row) for row in rows.mappings()]


async def rolled(
    connection: AsyncConnection, desk: DeskRow, *, equity: Decimal, now_venue: datetime | None, day_zone: str
) -> Standing:
    """Start a new day on the locked row if one began, raise the high-water mark; return the standing.

    Without a venue time nobody knows whether a day began, and none does.
    """
    today = desk.day if now_venue is None else trading_day(now_venue, day_zone)
    before = Standing(equity=equity, day_start_equity=desk.day_start_equity, high_water_mark=desk.high_water_mark)
    after = roll(before, new_day=today > desk.day)
    if today > desk.day or after != before:
        await connection.execute(
            update(Desk)
            .where(Desk.account == desk.account)
            .values(
                day=max(today, desk.day),
                day_start_equity=after.day_start_equity,
                high_water_mark=after.high_water_mark,
            )
        )
    return after
