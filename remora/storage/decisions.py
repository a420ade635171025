"""Decisions as people read them, and what we saw a whale do."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId, TokenId, WalletAddress
from remora.domain.money import ZERO, Side
from remora.domain.orders import OrderState
from remora.domain.reasons import SkipReason
from remora.storage.tables import NOT_ENDED, Decision, Order, Position

DEADLINE = "deadline"
"""The code under which an entry that became too old before it was sent is given up."""

_REJECTED = Order.state == OrderState.REJECTED.value
_REASON = func.coalesce(
    Decision.reason,
    case(
        (_REJECTED & (Order.reject_code == DEADLINE), SkipReason.DEADLINE.value),
        (_REJECTED, SkipReason.ORDER_REJECTED.value),
    ),
)
"""Why a signal came to nothing: what the risk check said, or what became of the order that it approved."""


async def list_decisions(
    engine: AsyncEngine,
    account: AccountId,
    *,
    limit: int = 50,
    outcome: str | None = None,
    reason: SkipReason | None = None,
    since: datetime | None = None,
) -> list[dict[str, Any]]:
    """Return decisions, newest first; a copy whose order was refused tells that as its reason and detail."""
    columns = [column for column in Decision.__table__.c if column.name not in ("reason", "detail")]
    detail = case((_REJECTED & (Decision.detail == ""), Order.reject_message), else_=Decision.detail)
    query = (
        select(*columns, _REASON.label("reason"), func.coalesce(detail, "").label("detail"))
        .outerjoin(Order, Order.decision_id == Decision.id)
        .where(Decision.account == account)
    )
    if outcome is not None:
        query = query.where(Decision.outcome == outcome)
    if reason is not None:
        query = query.where(bindparam("why", reason.value) == _REASON)
    if since is not None:
        query = query.where(Decision.decided_at >= since)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(Decision.decided_at.desc(), Decision.id).limit(limit))
        return [dict(row) for row in rows.mappings()]


async def count_by_reason(engine: AsyncEngine, account: AccountId) -> dict[str, int]:
    """Return how many signals were skipped for each reason, the commonest first."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(Decision.reason, func.count())
            .where(Decision.account == account, Decision.outcome == "skip")
            .group_by(Decision.reason)
            .order_by(func.count().desc(), Decision.reason)
        )
        return {str(reason): int(count) for reason, count in rows}


async def count_outcomes(
    engine: AsyncEngine, account: AccountId, *, since: datetime, until: datetime
) -> dict[tuple[str, SkipReason | None], int]:
    """Return how many decisions between two instants had each outcome and reason, refused orders included."""
    reason = _REASON.label("why")
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(Decision.outcome, reason, func.count())
            .outerjoin(Order, Order.decision_id == Decision.id)
            .where(Decision.account == account, Decision.decided_at >= since, Decision.decided_at <= until)
            .group_by(Decision.outcome, reason)
        )
        return {(outcome, None if why is None else SkipReason(why)): int(count) for outcome, why, count in rows}


async def entry_traces(engine: AsyncEngine, account: AccountId) -> dict[str, str]:
    """Return the trace context in which each open position was entered, by workflow id, where there is one."""
    query = (
        select(Position.workflow_id, Decision.traceparent)
        .join(Decision, Decision.position_id == Position.id)
        .where(Position.account == account, NOT_ENDED, Decision.outcome == "copy", Decision.traceparent != "")
        .order_by(Position.workflow_id, Decision.decided_at.desc())
    )
    async with engine.connect() as connection:
        rows = await connection.execute(query)
        return {str(workflow_id): str(trace) for workflow_id, trace in rows}  # the first purchase comes last


async def seen_bought(engine: AsyncEngine, account: AccountId, whale: WalletAddress, token_id: TokenId) -> Decimal:
    """Return the shares we saw a whale buy less those we saw it sell, never below zero."""
    signed = case((Decision.side == Side.BUY.value, Decision.trade_size), else_=-Decision.trade_size)
    async with engine.connect() as connection:
        total = await connection.scalar(
            select(func.coalesce(func.sum(signed), 0)).where(
                Decision.account == account,
                Decision.whale == whale,
                Decision.token_id == token_id,
                Decision.reason.is_distinct_from(SkipReason.DUPLICATE.value),
            )
        )
    return max(ZERO, Decimal(total or 0))
