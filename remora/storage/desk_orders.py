"""Carry out orders to the desk and verdicts of its limits: each in one transaction, each audited."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.desk import (
    FULL_SCALE,
    DeskOrder,
    OrderRefused,
    Standing,
    accept_loss,
    daily_loss_breach,
    judge,
    obey,
    stricter,
    transferred,
)
from remora.domain.ids import AccountId
from remora.domain.limits import Limits
from remora.domain.money import ONE
from remora.domain.reasons import DeskMode, ExitReason
from remora.storage import desk as desks
from remora.storage import ledger
from remora.storage.desk import DeskRow
from remora.storage.portfolio import held_value
from remora.storage.reductions import order_reduction
from remora.storage.tables import Desk, DeskAudit

LIMITS_ACT = "limits"
"""Who turned a dial when no person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An order to the desk: who wants what, and why. `key` tells a repetition from a second order."""

    account: AccountId
    key: str
    order: DeskOrder
    by: str
    reason: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A desk row and its standing at the last marks."""

    row: DeskRow
    standing: Standing
    refused: str | None = None


async def carry_out(
    engine: AsyncEngine, ask: Ask, *, limits: Limits, now: datetime, now_venue: datetime | None
) -> Measured:
    """Obey or refuse an order; carried out again, it changes nothing.

    Venue time is only needed for a reset, which asks whether the day's loss still holds.
    """
    async with engine.begin() as connection:
        desk, standing = await _measure(connection, ask.account, limits, now_venue)
        known = await connection.scalar(
            select(DeskAudit.id).where(DeskAudit.account == ask.account, DeskAudit.key == ask.key)
        )
        if known is not None:
            return Measured(row=desk, standing=standing)
        wanted = obey(
            desk.mode,
            ask.order,
            by=ask.by,
            reason=ask.reason,
            breach=daily_loss_breach(standing, limits),
            force=ask.force,
        )
        entry: dict[str, Any] = {"key": ask.key, "by": ask.by, "now": now}
        if isinstance(wanted, OrderRefused):
            why = f"{wanted.reason} (asked: {ask.reason})" if ask.reason else wanted.reason
            await desks.audit(connection, ask.account, action=f"{ask.order.value}_refused", reason=why, **entry)
            return Measured(row=desk, standing=standing, refused=wanted.reason)
        values = _values(ask, desk, standing, wanted)
        if ask.order is DeskOrder.FLATTEN:
            values["reduction"] = await order_reduction(
                connection, desk, share=ONE, reason=ExitReason.HALT, by=ask.by, now=now
            )
        if values:
            action = ask.order.value
            await desks.turn(connection, desk, values, action=action, reason=ask.reason, **entry)
        return await _measured(connection, ask.account, limits, now_venue)


def _values(ask: Ask, desk: DeskRow, standing: Standing, wanted: DeskMode) -> dict[str, Any]:
    values: dict[str, Any] = {} if wanted is desk.mode else {"mode": wanted}
    if ask.order is DeskOrder.RESET and ask.force:
        values["day_start_equity"] = accept_loss(standing).day_start_equity
    return values


async def assess(
    engine: AsyncEngine, account: AccountId, *, limits: Limits, now: datetime, now_venue: datetime | None
) -> Measured:
    """Mark the desk to market and turn its dials where the limits say so; in step, it changes nothing."""
    async with engine.begin() as connection:
        desk, standing = await _measure(connection, account, limits, now_venue)
        judged = judge(desk.mode, desk.scale, standing, limits)
        entry: dict[str, Any] = {"by": LIMITS_ACT, "now": now}
        if judged.breach is not None:
            why = f"daily_loss: {judged.breach}"
            await desks.turn(connection, desk, {"mode": judged.mode}, action="halt", reason=why, **entry)
        if judged.drawdown is not None:
            values: dict[str, Any] = {"scale": judged.scale}
            if judged.reduces:
                share = FULL_SCALE - judged.scale
                values["reduction"] = await order_reduction(
                    connection, desk, share=share, reason=ExitReason.REDUCED, by=LIMITS_ACT, now=now
                )
            action, why = "reduce" if judged.reduces else "restore", f"drawdown: {judged.drawdown}"
            await desks.turn(connection, desk, values, action=action, reason=why, **entry)
        return await _measured(connection, account, limits, now_venue)


async def restart(engine: AsyncEngine, account: AccountId, *, now: datetime, by: str, reason: str) -> DeskRow:
    """Put a desk whose workflow was lost into the safest mode it may have: paused, unless it is halted."""
    async with engine.begin() as connection:
        desk = await desks.load(connection, account, lock=True)
        if desk.mode is DeskMode.TRADING:
            paused = {"mode": DeskMode.PAUSED}
            await desks.turn(connection, desk, paused, by=by, action="restart", reason=reason, now=now)
        return await desks.load(connection, account)


async def catch_up(
    engine: AsyncEngine,
    account: AccountId,
    *,
    mode: DeskMode,
    scale: Decimal,
    revision: int,
    by: str,
    now: datetime,
) -> None:
    """Give an older database the dials that the desk had since, unless its own are stricter; catch up with it."""
    async with engine.begin() as connection:
        desk = await desks.load(connection, account, lock=True)
        if desk.revision >= revision:
            return
        values = {"mode": stricter(desk.mode, mode), "scale": min(desk.scale, scale)}
        why = "the database is older than the desk"
        await desks.turn(connection, desk, values, by=by, action="catch_up", reason=why, now=now)
        # the desk heeds no revision that is not beyond its own
        ahead = update(Desk).where(Desk.account == account).values(revision=revision + 1)
        await connection.execute(ahead)


async def record_transfer(
    engine: AsyncEngine,
    account: AccountId,
    dollars: Decimal,
    *,
    reference: str,
    by: str,
    reason: str,
    now: datetime,
) -> bool:
    """Book a deposit (or, below 0, a withdrawal) and adjust what losses are measured against; False if known."""
    kind = "deposit" if dollars > 0 else "withdrawal"
    async with engine.begin() as connection:
        desk = await desks.load(connection, account, lock=True)
        before = Standing(
            equity=desk.cash + await held_value(connection, account),
            day_start_equity=desk.day_start_equity,
            high_water_mark=desk.high_water_mark,
        )
        entries = [ledger.Entry("cash", "usd", dollars), ledger.Entry("deposits", "usd", -dollars)]
        if not await ledger.post(connection, account, kind=kind, reference=reference, at=now, entries=entries):
            return False
        after = transferred(before, dollars)
        values = {"day_start_equity": after.day_start_equity, "high_water_mark": after.high_water_mark}
        await desks.turn(connection, desk, values, by=by, action=kind, reason=reason, now=now)
        await ledger.assert_cash(connection, account)
        return True


async def _measure(
    connection: AsyncConnection, account: AccountId, limits: Limits, now_venue: datetime | None
) -> tuple[DeskRow, Standing]:
    desk = await desks.load(connection, account, lock=True)
    equity = desk.cash + await held_value(connection, account)
    standing = await desks.rolled(connection, desk, equity=equity, now_venue=now_venue, day_zone=limits.day_zone)
    return await desks.load(connection, account), standing


async def _measured(
    connection: AsyncConnection, account: AccountId, limits: Limits, now_venue: datetime | None
) -> Measured:
    row, standing = await _measure(connection, account, limits, now_venue)
    return Measured(row=row, standing=standing)
