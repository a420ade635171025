"""What a run came to: the numbers of the closing report."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import extract, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.money import MICRO, ZERO, Side
from remora.domain.orders import FillStatus, Purpose
from remora.domain.reasons import PositionState
from remora.storage.decisions import count_by_reason
from remora.storage.portfolio import REALISED, UNREALISED
from remora.storage.tables import NOT_ENDED, Decision, Fill, Order, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Median and 99th percentile in milliseconds; None without observations."""

    p50: float | None
    p99: float | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts and dollars since `since`. `slippage` is what fills cost beyond the whale's own price, in dollars."""

    signals: int
    copied: int
    exit_signals: int
    skipped: dict[str, int]
    closed: int
    open: int
    unfilled: int
    needs_attention: int
    exits: dict[str, int]
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    fees: Decimal
    slippage: Decimal
    bought: Decimal
    latency_ms: Percentiles
    stages_ms: dict[str, Percentiles] = field(default_factory=dict)
    unproven: int = 0

    @property
    def pnl(self) -> Decimal:
        """Realised and unrealised, fees taken off."""
        return self.realised_pnl + self.unrealised_pnl


@dataclass(frozen=True, slots=True)
class _Money:
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    bought: Decimal
    unproven: int


async def summarise(engine: AsyncEngine, account: AccountId) -> Summary:
    """Return the account's summary."""
    skipped = await count_by_reason(engine, account)
    async with engine.connect() as connection:
        outcomes = await _counts(connection, account)
        money = await _money(connection, account)
        exits = await connection.execute(
            select(Position.exit_reason, func.count())
            .where(Position.account == account, Position.state == PositionState.CLOSED.value)
            .group_by(Position.exit_reason)
            .order_by(func.count().desc(), Position.exit_reason)
        )
        states = await connection.execute(
            select(Position.state, func.count()).where(Position.account == account).group_by(Position.state)
        )
        by_state = {str(state): int(count) for state, count in states}
        open_count = await connection.scalar(
            select(func.count()).select_from(Position).where(Position.account == account, NOT_ENDED)
        )
        return Summary(
            signals=sum(outcomes.values()),
            copied=outcomes.get("copy", 0),
            exit_signals=outcomes.get("exit", 0),
            skipped=skipped,
            closed=by_state.get(PositionState.CLOSED.value, 0),
            open=int(open_count or 0),
            unfilled=by_state.get(PositionState.UNFILLED.value, 0),
            needs_attention=by_state.get(PositionState.NEEDS_ATTENTION.value, 0),
            exits={str(reason): int(count) for reason, count in exits},
            slippage=await _slippage(connection, account),
            latency_ms=await _percentiles(connection, account, Order.seen_at, Order.sent_at),
            stages_ms={
                "detection to decision": await _percentiles(connection, account, Order.seen_at, Order.decided_at),
                "decision to signature": await _percentiles(
                    connection, account, Order.decided_at, Order.signed_at
                ),
                "signature to send": await _percentiles(connection, account, Order.signed_at, Order.sent_at),
                "send to reply": await _percentiles(connection, account, Order.sent_at, Order.acked_at),
            },
            realised_pnl=money.realised,
            unrealised_pnl=money.unrealised,
            fees=money.fees,
            bought=money.bought,
            unproven=money.unproven,
        )


async def _counts(connection: AsyncConnection, account: AccountId) -> dict[str, int]:
    rows = await connection.execute(
        select(Decision.outcome, func.count()).where(Decision.account == account).group_by(Decision.outcome)
    )
    return {str(outcome): int(count) for outcome, count in rows}


async def _money(connection: AsyncConnection, account: AccountId) -> _Money:
    row = (
        await connection.execute(
            select(
                func.coalesce(func.sum(REALISED), 0),
                func.coalesce(func.sum(UNREALISED), 0),
                func.coalesce(func.sum(Position.fees), 0),
                func.coalesce(func.sum(Position.bought_notional), 0),
                func.count().filter(Position.unproven),
            ).where(Position.account == account)
        )
    ).one()
    return _Money(
        realised=Decimal(row[0]).quantize(MICRO),
        unrealised=Decimal(row[1]).quantize(MICRO),
        fees=Decimal(row[2]),
        bought=Decimal(row[3]),
        unproven=int(row[4]),
    )


async def _slippage(connection: AsyncConnection, account: AccountId) -> Decimal:
    total = await connection.scalar(
        select(func.coalesce(func.sum(Fill.shares * (Fill.price - Decision.trade_price)), 0))
        .join(Order, Order.id == Fill.order_id)
        .join(Decision, Decision.id == Order.decision_id)
        .where(
            Order.account == account,
            Order.side == Side.BUY.value,
            Fill.status != FillStatus.FAILED.value,
        )
    )
    return Decimal(total or ZERO)


async def _percentiles(connection: AsyncConnection, account: AccountId, start: object, end: object) -> Percentiles:
    elapsed = extract("epoch", end - start) * 1000  # type: ignore[operator]
    row = (
        await connection.execute(
            select(
                func.percentile_cont(0.5).within_group(elapsed),
                func.percentile_cont(0.99).within_group(elapsed),
                func.count(elapsed),
            ).where(Order.account == account, Order.purpose == Purpose.ENTRY.value, Order.seen_at.is_not(None))
        )
    ).one()
    return Percentiles(
        p50=None if row[0] is None else round(float(row[0]), 3),
        p99=None if row[1] is None else round(float(row[1]), 3),
        count=int(row[2]),
    )


async def first_decision_at(engine: AsyncEngine, account: AccountId) -> datetime | None:
    """Return when the first decision was taken, None before."""
    async with engine.connect() as connection:
        found = await connection.scalar(select(func.min(Decision.decided_at)).where(Decision.account == account))
        return found if isinstance(found, datetime) else None
