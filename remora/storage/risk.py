"""The risk check: one transaction that locks the desk, decides, and writes what it decided."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, String, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.books import OrderBook
from remora.domain.decide import Copy, DeskSnapshot, Skip, decide
from remora.domain.desk import judge
from remora.domain.ids import AccountId
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import ZERO, Side
from remora.domain.orders import OrderRequest, OrderState, OrderType, Purpose
from remora.domain.reasons import PositionState, SkipReason
from remora.domain.trades import Signal
from remora.storage import desk as desks
from remora.storage import live
from remora.storage.orders import OrderRow, new_values
from remora.storage.situation import read_situation
from remora.storage.tables import Base, ConsumedTrade, Decision, Order, Position, Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who asks the risk check about what, and when."""

    account: AccountId
    workflow_id: str
    run_id: str
    signal: Signal
    now_wall: datetime
    now_venue: datetime
    decision_id: str
    position_id: str | None = None
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What was decided and the rows that carry it on; a re-run of the same workflow gets the same record."""

    decision_id: str
    outcome: str
    reason: SkipReason | None
    detail: str
    position_id: str | None = None
    order_id: str | None = None
    unproven: bool = False
    terms: dict[str, Any] = field(default_factory=dict)
    fresh_order: OrderRow | None = field(default=None, compare=False)
    """The order as this very call wrote it; None for a re-run."""


def decision_id(run_id: str, signal: Signal) -> str:
    """Return the name of a run's decision about a signal: the same however often its activity runs."""
    about = ":".join(signal.trade_keys) or signal.key
    return hashlib.sha256(f"{run_id}:{about}".encode()).hexdigest()[:20]


async def decide_and_record(
    engine: AsyncEngine, asked: Case, *, market: Market, book: OrderBook | None, limits: Limits
) -> DecisionRecord:
    """Decide about a whale's purchase and write decision, position, reservation and order intent together."""
    async with engine.begin() as connection:
        desk = await desks.load(connection, asked.account, lock=True)
        found = await read_situation(
            connection, asked.account, asked.decision_id, asked.signal, market, asked.now_venue
        )
        if found.decided:
            earlier = await _earlier(connection, asked)
            if isinstance(earlier, DecisionRecord):
                return earlier
            asked = earlier
        if found.held and asked.position_id is None:
            return await _write_skip(
                connection, asked, market, Skip(SkipReason.ORPHANED, "holding without its workflow")
            )
        whale, spent = found.whale, found.committed
        is_live = desk.venue_mode in live.LIVE_MODES
        if is_live:
            whale = await live.standing_live(connection, asked.account, asked.signal.whale, whale, asked.now_wall)
        standing = await desks.rolled(
            connection,
            desk,
            equity=desk.cash + spent.value,
            now_venue=asked.now_venue,
            day_zone=limits.day_zone,
        )
        snapshot = DeskSnapshot(
            mode=desk.mode,
            # a drawdown counts at once, also before the desk has turned its dial
            scale=min(desk.scale, judge(desk.mode, desk.scale, standing, limits).scale),
            equity=standing.equity,
            cash=desk.cash - spent.reserved,
            day_start_equity=standing.day_start_equity,
            high_water_mark=standing.high_water_mark,
            entry_orders_last_minute=found.entry_orders_last_minute,
            live=is_live,
            permission=await live.permission(connection, asked.account) if is_live else None,
        )
        decision = decide(
            asked.signal,
            market=market,
            book=book,
            whale=whale,
            desk=snapshot,
            exposure=spent.exposure,
            limits=limits,
            now_wall=asked.now_wall,
            now_venue=asked.now_venue,
        )
        if isinstance(decision, Skip):
            return await _write_skip(connection, asked, market, decision, unproven=whale.unproven)
        return await _write_copy(connection, asked, market, decision, reduction=desk.reduction)


async def record_skip(
    engine: AsyncEngine, asked: Case, reason: SkipReason, detail: str, *, market: Market | None = None
) -> DecisionRecord:
    """Write a refusal that was clear before the transaction, such as an unknown token."""
    async with engine.begin() as connection:
        earlier = await _earlier(connection, asked)
        if isinstance(earlier, DecisionRecord):
            return earlier
        return await _write_skip(connection, earlier, market, Skip(reason, detail))


async def record_exit_signal(
    engine: AsyncEngine, asked: Case, detail: str, *, market: Market | None = None
) -> DecisionRecord:
    """Write that a whale's sale (or merge, redemption, opposite purchase) reached a position."""
    async with engine.begin() as connection:
        earlier = await _earlier(connection, asked)
        if isinstance(earlier, DecisionRecord):
            return earlier
        await _write_decision(connection, earlier, market, outcome="exit", detail=detail)
        return DecisionRecord(
            decision_id=asked.decision_id,
            outcome="exit",
            reason=None,
            detail=detail,
            position_id=asked.position_id,
        )


async def _earlier(connection: AsyncConnection, asked: Case) -> DecisionRecord | Case:
    """Return what was decided before about these trades, or the question about those of them that are left."""
    keys = asked.signal.trade_keys
    if await connection.scalar(select(Decision.id).where(Decision.id == asked.decision_id)):
        return await _recorded(connection, asked.decision_id)
    rows = (
        await connection.execute(
            select(ConsumedTrade.trade_key, ConsumedTrade.decision_id, Decision.run_id)
            .join(Decision, Decision.id == ConsumedTrade.decision_id)
            .where(ConsumedTrade.account == asked.account, ConsumedTrade.trade_key.in_(keys))
        )
    ).all()
    if len(rows) < len(keys):
        return _without(asked, {row.trade_key for row in rows})
    ours = [row for row in rows if row.run_id == asked.run_id]
    if ours:
        return await _recorded(connection, ours[0].decision_id)
    return await _write_skip(
        connection, asked, None, Skip(SkipReason.DUPLICATE, f"decided as {rows[0].decision_id}")
    )


async def undecided(engine: AsyncEngine, asked: Case) -> Case:
    """Return the question about those trades alone that no other decision is about; whole where none is left.

    What another run has decided stays its business: a sale that it followed is not followed again.
    """
    others = select(ConsumedTrade.trade_key).where(
        ConsumedTrade.account == asked.account,
        ConsumedTrade.trade_key.in_(asked.signal.trade_keys),
        ConsumedTrade.decision_id != asked.decision_id,
    )
    async with engine.connect() as connection:
        return _without(asked, set(await connection.scalars(others)))


def _without(asked: Case, known: Collection[str]) -> Case:
    return replace(asked, signal=asked.signal.beyond(known) or asked.signal)


async def _recorded(connection: AsyncConnection, decision_id: str) -> DecisionRecord:
    row = (
        (
            await connection.execute(
                select(Decision.__table__, Order.id.label("order_id"))
                .outerjoin(Order, Order.decision_id == Decision.id)
                .where(Decision.id == decision_id)
            )
        )
        .mappings()
        .one()
    )
    return DecisionRecord(
        decision_id=decision_id,
        outcome=row["outcome"],
        reason=None if row["reason"] is None else SkipReason(row["reason"]),
        detail=row["detail"],
        position_id=row["position_id"],
        order_id=row["order_id"],
        unproven=row["unproven"],
        terms=row["terms"],
    )


async def _write_skip(
    connection: AsyncConnection, asked: Case, market: Market | None, skip: Skip, *, unproven: bool = False
) -> DecisionRecord:
    await _write_decision(
        connection, asked, market, outcome="skip", reason=skip.reason, detail=skip.detail, unproven=unproven
    )
    return DecisionRecord(
        decision_id=asked.decision_id,
        outcome="skip",
        reason=skip.reason,
        detail=skip.detail,
        position_id=asked.position_id,
        unproven=unproven,
    )


async def _write_copy(
    connection: AsyncConnection, asked: Case, market: Market, copy: Copy, *, reduction: int
) -> DecisionRecord:
    """Write everything in one statement: while it runs, others wait for the desk."""
    position_id = asked.position_id or f"p-{asked.decision_id}"
    order = _new_order(asked, market, copy, position_id)
    terms = {name: str(getattr(copy, name)) for name in Copy.__slots__ if name != "unproven"}
    about_order = {"decision_id": asked.decision_id, "venue_at": asked.now_venue, "seen_at": asked.signal.seen_at}
    rows: dict[type[Base], dict[str, Any]] = {
        Reservation: {
            "order_id": order.id,
            "account": asked.account,
            "position_id": position_id,
            "dollars": copy.reserve,
        },
        Decision: _decision_values(
            asked, market, outcome="copy", unproven=copy.unproven, terms=terms, position_id=position_id
        ),
        Order: new_values(order) | about_order,
    }
    if asked.position_id is None:
        rows[Position] = _new_position(asked, market, copy, position_id) | {"reduction": reduction}
    await _write(connection, asked, rows)
    return DecisionRecord(
        decision_id=asked.decision_id,
        outcome="copy",
        reason=None,
        detail="",
        position_id=position_id,
        order_id=order.id,
        unproven=copy.unproven,
        terms=terms,
        fresh_order=order,
    )


def _new_order(asked: Case, market: Market, copy: Copy, position_id: str) -> OrderRow:
    return OrderRow(
        id=f"o-{asked.decision_id}",
        account=asked.account,
        position_id=position_id,
        purpose=Purpose.ENTRY,
        exit_reason=None,
        request=OrderRequest(
            token_id=asked.signal.token_id,
            condition_id=market.condition_id,
            side=Side.BUY,
            shares=copy.shares,
            limit_price=copy.limit_price,
            notional=copy.notional,
            order_type=OrderType.FAK,
        ),
        state=OrderState.INTENT,
        signed=None,
        reject_code=None,
        reject_message=None,
        send_attempts=0,
        decided_at=asked.now_wall,
    )


def _new_position(asked: Case, market: Market, copy: Copy, position_id: str) -> dict[str, Any]:
    token = asked.signal.token_id
    return {
        "id": position_id,
        "workflow_id": asked.workflow_id,
        "run_id": asked.run_id,
        "account": asked.account,
        "whale": asked.signal.whale,
        "token_id": token,
        "condition_id": market.condition_id,
        "event_id": market.event_id,
        "question": market.question,
        "outcome": market.outcomes[market.outcome_index(token)].label,
        "state": PositionState.ENTERING.value,
        "unproven": copy.unproven,
        "whale_price": asked.signal.price,
        "bought_shares": ZERO,
        "bought_notional": ZERO,
        "sold_shares": ZERO,
        "sold_notional": ZERO,
        "redeemed_shares": ZERO,
        "redeemed_dollars": ZERO,
        "cost": ZERO,
        "fees": ZERO,
        "opened_at": asked.now_venue,
    }


async def _write_decision(connection: AsyncConnection, asked: Case, market: Market | None, **about: Any) -> None:
    await _write(connection, asked, {Decision: _decision_values(asked, market, **about)})


async def _write(connection: AsyncConnection, asked: Case, rows: Mapping[type[Base], Mapping[str, Any]]) -> None:
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


def _decision_values(
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
