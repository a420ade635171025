"""An account's measures, read in one snapshot."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.measures import Largest, Measures, WhaleMeasure
from remora.domain.money import ZERO
from remora.domain.orders import FillStatus, OrderState, Purpose
from remora.domain.reasons import ExitReason, PositionState
from remora.storage import desk as desks
from remora.storage.portfolio import REALISED, UNREALISED, VALUE
from remora.storage.tables import NOT_ENDED, Decision, Fill, Order, Position, Reservation, Roster, RosterEntry

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


async def load_measures(
    engine: AsyncEngine, account: AccountId, *, now: datetime, now_venue: datetime
) -> Measures:
    """Return the account's measures; raise DeskMissing without a desk."""
    async with engine.connect() as connection:
        # the parts must be of the same moment: a fill moves cash and shares together
        await connection.execution_options(isolation_level="REPEATABLE READ")
        desk = await desks.load(connection, account)
        money = await _money(connection, account)
        last_decision_at = await connection.scalar(
            select(func.max(Decision.decided_at)).where(Decision.account == account)
        )
        published_at, followed = await _roster(connection)
        return Measures(
            account=account,
            mode=desk.mode,
            scale=desk.scale,
            cash=desk.cash,
            reserved=await _reserved(connection, account),
            held=money["held"],
            realised=money["realised"],
            unrealised=money["unrealised"],
            fees=money["fees"],
            day_start_equity=desk.day_start_equity,
            high_water_mark=desk.high_water_mark,
            largest=await _largest(connection, account),
            entries_last_minute=await _recent_entries(connection, account, now_venue),
            states=await _states(connection, account),
            exits=await _exits(connection, account),
            orders=await _orders(connection, account),
            decisions=await _decisions(connection, account, now - DAY),
            whales=await _whales(connection, account),
            followed=followed,
            roster_published_at=published_at,
            last_decision_at=last_decision_at,
        )


def _sum(amount: Any) -> Any:
    return func.coalesce(func.sum(amount), 0)


async def _money(connection: AsyncConnection, account: AccountId) -> dict[str, Decimal]:
    held = case((NOT_ENDED, VALUE), else_=0)
    row = await connection.execute(
        select(
            _sum(held).label("held"),
            _sum(REALISED).label("realised"),
            _sum(UNREALISED).label("unrealised"),
            _sum(Position.fees).label("fees"),
        ).where(Position.account == account)
    )
    return {name: Decimal(value) for name, value in row.mappings().one().items()}


async def _reserved(connection: AsyncConnection, account: AccountId) -> Decimal:
    total = await connection.scalar(
        select(_sum(Reservation.dollars)).where(Reservation.account == account, Reservation.released_at.is_(None))
    )
    return Decimal(total or ZERO)


def _committed(account: AccountId) -> Any:
    """Open positions with what is spent on them and set aside for them."""
    reserved = (
        select(Reservation.position_id, func.sum(Reservation.dollars).label("dollars"))
        .where(Reservation.account == account, Reservation.released_at.is_(None))
        .group_by(Reservation.position_id)
        .subquery()
    )
    dollars = Position.cost + func.coalesce(reserved.c.dollars, 0)
    return (
        select(Position.id, Position.condition_id, Position.event_id, Position.whale, dollars.label("dollars"))
        .outerjoin(reserved, reserved.c.position_id == Position.id)
        .where(Position.account == account, NOT_ENDED)
        .subquery()
    )


async def _largest(connection: AsyncConnection, account: AccountId) -> Largest:
    spent = _committed(account)

    async def most(column: Any) -> Decimal:
        totals = select(func.sum(spent.c.dollars).label("dollars")).group_by(column).subquery()
        return Decimal(await connection.scalar(select(func.max(totals.c.dollars))) or ZERO)

    return Largest(
        position=await most(spent.c.id),
        market=await most(spent.c.condition_id),
        event=await most(spent.c.event_id),
        whale=await most(spent.c.whale),
    )


async def _recent_entries(connection: AsyncConnection, account: AccountId, now_venue: datetime) -> int:
    count = await connection.scalar(
        select(func.count()).where(
            Order.account == account, Order.purpose == Purpose.ENTRY.value, Order.venue_at > now_venue - MINUTE
        )
    )
    return int(count or 0)


async def _states(connection: AsyncConnection, account: AccountId) -> dict[PositionState, int]:
    rows = await connection.execute(
        select(Position.state, func.count()).where(Position.account == account, NOT_ENDED).group_by(Position.state)
    )
    return {PositionState(state): int(count) for state, count in rows}


async def _exits(connection: AsyncConnection, account: AccountId) -> dict[ExitReason, int]:
    rows = await connection.execute(
        select(Position.exit_reason, func.count())
        .where(Position.account == account, Position.state == PositionState.CLOSED.value)
        .group_by(Position.exit_reason)
    )
    return {ExitReason(reason): int(count) for reason, count in rows if reason is not None}


async def _orders(connection: AsyncConnection, account: AccountId) -> dict[tuple[str, str], int]:
    filled = exists().where(Fill.order_id == Order.id, Fill.status != FillStatus.FAILED.value)
    outcome = case(
        (Order.state == OrderState.REJECTED.value, "rejected"),
        (Order.state != OrderState.DONE.value, "pending"),
        (filled, "filled"),
        else_="unfilled",
    ).label("outcome")
    sent = select(Order.purpose, outcome).where(Order.account == account, Order.sent_at.is_not(None)).subquery()
    rows = await connection.execute(
        select(sent.c.purpose, sent.c.outcome, func.count()).group_by(sent.c.purpose, sent.c.outcome)
    )
    return {(purpose, what): int(count) for purpose, what, count in rows}


async def _decisions(
    connection: AsyncConnection, account: AccountId, since: datetime
) -> dict[tuple[str, str], int]:
    rows = await connection.execute(
        select(Decision.outcome, Decision.reason, func.count())
        .where(Decision.account == account, Decision.decided_at >= since)
        .group_by(Decision.outcome, Decision.reason)
    )
    return {(outcome, reason or ""): int(count) for outcome, reason, count in rows}


async def _whales(connection: AsyncConnection, account: AccountId) -> list[WhaleMeasure]:
    spent = _committed(account)
    committed = (
        select(spent.c.whale, func.sum(spent.c.dollars).label("dollars")).group_by(spent.c.whale).subquery()
    )
    rows = await connection.execute(
        select(
            Position.whale,
            _sum(REALISED).label("realised"),
            _sum(UNREALISED).label("unrealised"),
            func.coalesce(func.max(committed.c.dollars), 0).label("committed"),
            func.count().filter(NOT_ENDED).label("open_positions"),
        )
        .outerjoin(committed, committed.c.whale == Position.whale)
        .where(Position.account == account)
        .group_by(Position.whale)
        .order_by(Position.whale)
    )
    return [
        WhaleMeasure(
            whale=row.whale,
            realised=Decimal(row.realised),
            unrealised=Decimal(row.unrealised),
            committed=Decimal(row.committed),
            open_positions=int(row.open_positions),
        )
        for row in rows
    ]


async def _roster(connection: AsyncConnection) -> tuple[datetime | None, int]:
    newest = select(Roster.version, Roster.published_at).order_by(Roster.version.desc()).limit(1).subquery()
    row = (
        await connection.execute(
            select(newest.c.published_at, func.count(RosterEntry.whale))
            .select_from(newest)
            .outerjoin(RosterEntry, RosterEntry.version == newest.c.version)
            .group_by(newest.c.published_at)
        )
    ).first()
    return (None, 0) if row is None else (row[0], int(row[1]))
