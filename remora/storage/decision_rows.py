"""Writing a decision with everything that follows from it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, String, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from remora.domain.market import Market
from remora.domain.reasons import SkipReason
from remora.storage.case import Case
from remora.storage.tables import Base, ConsumedTrade, Decision


async def write_decision(connection: AsyncConnection, asked: Case, market: Market | None, **about: Any) -> None:
    """Write a decision alone."""
    await write_rows(connection, asked, {Decision: decision_values(asked, market, **about)})


async def write_rows(
    connection: AsyncConnection, asked: Case, rows: Mapping[type[Base], Mapping[str, Any]]
) -> None:
    """Write a row into each table, and the signal's trades as decided about, in one statement."""
    statement = _insertion(tuple((table, tuple(values)) for table, values in rows.items()))
    values = {_parameter(table, column): value for table, row in rows.items() for column, value in row.items()}
    consumed = {
        "consumed_by": asked.account,
        "consumed_keys": list(asked.signal.trade_keys),
        "consumed_as": asked.decision_id,
    }
    await connection.execute(statement, values | consumed)


@cache
def _insertion(tables: tuple[tuple[type[Base], tuple[str, ...]], ...]) -> Any:
    """Return the statement for tables and their columns, made once: making it took as long as running it."""
    # one array, not one row of parameters each: the statement is compiled once, however many trades there are
    keys = func.unnest(bindparam("consumed_keys", type_=ARRAY(String)))
    trades = select(
        bindparam("consumed_by", type_=String),
        keys.column_valued("trade_key"),
        bindparam("consumed_as", type_=String),
    )
    # those that are decided about already stay with their decision
    consume = (
        upsert(ConsumedTrade).from_select(["account", "trade_key", "decision_id"], trades).on_conflict_do_nothing()
    )
    inserts = [
        insert(table)
        .values({column: bindparam(_parameter(table, column)) for column in columns})
        .cte(f"{table.__tablename__}_written")
        for table, columns in tables
    ]
    return consume.add_cte(*inserts)


def _parameter(table: type[Base], column: str) -> str:
    return f"{table.__tablename__}_{column}"


def decision_values(
    asked: Case,
    market: Market | None,
    *,
    outcome: str,
    reason: SkipReason | None = None,
    detail: str = "",
    unproven: bool = False,
    terms: dict[str, Any] | None = None,
    position_id: str | None = None,
) -> dict[str, Any]:
    """Return the columns of a decision."""
    signal = asked.signal
    return {
        "id": asked.decision_id,
        "account": asked.account,
        "workflow_id": asked.workflow_id,
        "run_id": asked.run_id,
        "position_id": position_id or asked.position_id,
        "whale": signal.whale,
        "token_id": signal.token_id,
        "condition_id": signal.condition_id,
        "question": "" if market is None else market.question,
        "side": signal.side.value,
        "kind": signal.kind.value,
        "source": signal.source.value,
        "signal_key": signal.key,
        "trade_price": signal.price,
        "trade_size": signal.size,
        "outcome": outcome,
        "reason": None if reason is None else reason.value,
        "detail": detail,
        "unproven": unproven,
        "terms": terms or {},
        "happened_at": signal.happened_at,
        "seen_at": signal.seen_at,
        "decided_at": asked.now_wall,
        "traceparent": asked.traceparent,
    }
