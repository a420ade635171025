"""The risk check: one transaction that locks the desk, decides, and writes what it decided."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.books import OrderBook
from remora.domain.decide import Copy, DeskSnapshot, Skip, decide
from remora.domain.desk import judge
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import ZERO, Side
from remora.domain.orders import OrderRequest, OrderState, OrderType, Purpose
from remora.domain.reasons import PositionState, SkipReason
from remora.storage import desk as desks
from remora.storage import live
from remora.storage.case import Case, DecisionRecord
from remora.storage.decision_rows import decision_values, write_decision, write_rows
from remora.storage.orders import OrderRow, new_values
from remora.storage.situation import read_situation
from remora.storage.tables import Base, ConsumedTrade, Decision, Order, Position, Reservation


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
        await write_decision(connection, earlier, market, outcome="exit", detail=detail)
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
    await write_decision(
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
        Decision: decision_values(
            asked, market, outcome="copy", unproven=copy.unproven, terms=terms, position_id=position_id
        ),
        Order: new_values(order) | about_order,
    }
    if asked.position_id is None:
        rows[Position] = _new_position(asked, market, copy, position_id) | {"reduction": reduction}
    await write_rows(connection, asked, rows)
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
