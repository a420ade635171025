"""What reconciliation reads from our books and writes back into them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId, ConditionId, OrderDigest
from remora.domain.money import ZERO, Side
from remora.domain.orders import Fill, FillStatus, OrderState, OrderType, Purpose
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import PositionState
from remora.domain.reconcile import KnownFill
from remora.storage import fills as fill_store
from remora.storage import unsigned
from remora.storage.failures import may_pass
from remora.storage.orders import FINISHED, orders_of, set_order_state
from remora.storage.positions import PositionRow, finish_position, row_of
from remora.storage.tables import (
    ENDED,
    NOT_ENDED,
    ExitTrigger,
    LedgerTransaction,
    Order,
    Position,
    Reservation,
)
from remora.storage.tables import Fill as FillTable

CHUNK = 5_000
"""Values in one list of a query, well below the driver's limit of parameters."""

REFUSAL_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that we signed."""

    order_id: str
    position_id: str
    state: OrderState


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether our books move: the newest ledger transaction and how many orders are not finished."""

    newest_transaction: int
    unfinished: int


async def newest_fill_at(engine: AsyncEngine, account: AccountId) -> datetime | None:
    """Return when the newest fill in our books was matched (venue time), None without fills."""
    async with engine.connect() as connection:
        found = await connection.scalar(
            select(func.max(FillTable.matched_at))
            .join(Order, Order.id == FillTable.order_id)
            .where(Order.account == account)
        )
        return found if isinstance(found, datetime) else None


async def oldest_unsettled_at(engine: AsyncEngine, account: AccountId) -> datetime | None:
    """Return when the oldest fill that is not final was matched (venue time), None without one."""
    final = [status.value for status in FillStatus if status.final]
    async with engine.connect() as connection:
        found = await connection.scalar(
            select(func.min(FillTable.matched_at))
            .join(Order, Order.id == FillTable.order_id)
            .where(Order.account == account, FillTable.status.not_in(final))
        )
        return found if isinstance(found, datetime) else None


async def known_fills(
    engine: AsyncEngine, digests: Collection[OrderDigest]
) -> dict[tuple[str, OrderDigest], KnownFill]:
    """Return our fills of these orders by trade and digest."""
    found = {}
    async with engine.connect() as connection:
        for chunk in _chunks(digests):
            rows = await connection.execute(
                select(
                    FillTable.trade_id, FillTable.digest, FillTable.shares, FillTable.price, FillTable.status
                ).where(FillTable.digest.in_(chunk))
            )
            for row in rows:
                found[row.trade_id, OrderDigest(row.digest)] = KnownFill(
                    row.shares, row.price, FillStatus(row.status)
                )
    return found


async def placed_orders(engine: AsyncEngine, digests: Collection[OrderDigest]) -> dict[OrderDigest, Placed]:
    """Return those of `digests` that are orders of ours."""
    found = {}
    async with engine.connect() as connection:
        for chunk in _chunks(digests):
            rows = await connection.execute(
                select(Order.digest, Order.id, Order.position_id, Order.state).where(Order.digest.in_(chunk))
            )
            for row in rows:
                found[OrderDigest(row.digest)] = Placed(
                    order_id=row.id, position_id=row.position_id, state=OrderState(row.state)
                )
    return found


async def unsettled_orders(
    engine: AsyncEngine, account: AccountId, *, before: datetime
) -> list[tuple[OrderDigest, str, str, datetime]]:
    """Return (digest, position, workflow, sent at) of orders sent before `before` whose end is not known."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(Order.digest, Order.position_id, Position.workflow_id, Order.sent_at)
            .join(Position, Position.id == Order.position_id)
            .where(
                Order.account == account,
                Order.digest.is_not(None),
                Order.state.not_in(FINISHED),
                Order.sent_at < before,
            )
            .order_by(Order.sent_at)
        )
        return [(OrderDigest(row.digest), row.position_id, row.workflow_id, row.sent_at) for row in rows]


async def pulse(engine: AsyncEngine, account: AccountId) -> Pulse:
    """Return the books' pulse; two equal ones with nothing unfinished enclose a quiet moment."""
    async with engine.connect() as connection:
        newest = await connection.scalar(
            select(func.max(LedgerTransaction.id)).where(LedgerTransaction.account == account)
        )
        unfinished = await connection.scalar(
            select(func.count())
            .select_from(Order)
            .where(Order.account == account, Order.state.not_in((*FINISHED, OrderState.INTENT.value)))
        )
        return Pulse(int(newest or 0), int(unfinished or 0))


async def without_trigger(engine: AsyncEngine, account: AccountId) -> set[str]:
    """Return positions that hold shares and should be guarded, but have no armed thresholds."""
    held = Position.bought_shares - Position.sold_shares - Position.redeemed_shares
    guarded = (PositionState.ENTERING.value, PositionState.OPEN.value)
    async with engine.connect() as connection:
        rows = await connection.scalars(
            select(Position.id)
            .outerjoin(ExitTrigger, ExitTrigger.position_id == Position.id)
            .where(
                Position.account == account,
                Position.state.in_(guarded),
                held > 0,
                ExitTrigger.position_id.is_(None),
            )
        )
        return set(rows)


async def release_leaked(engine: AsyncEngine, account: AccountId, *, now: datetime, write: bool) -> list[str]:
    """Return the ended positions with money still set aside, released if `write`."""
    leaked = (
        select(Reservation.order_id, Reservation.position_id)
        .join(Position, Position.id == Reservation.position_id)
        .where(Reservation.account == account, Reservation.released_at.is_(None), Position.state.in_(ENDED))
    )
    async with engine.begin() as connection:
        rows = (await connection.execute(leaked)).all()
        if write and rows:
            await connection.execute(
                update(Reservation)
                .where(Reservation.order_id.in_([row.order_id for row in rows]))
                .values(released_at=now)
            )
            ended = [row.position_id for row in rows]
            await connection.execute(delete(ExitTrigger).where(ExitTrigger.position_id.in_(ended)))
        return sorted({str(row.position_id) for row in rows})


async def held_by_ended(engine: AsyncEngine, account: AccountId) -> dict[ConditionId, Decimal]:
    """Return the shares that ended positions still hold, by market."""
    held = Position.bought_shares - Position.sold_shares - Position.redeemed_shares
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(Position.condition_id, func.sum(held))
            .where(Position.account == account, Position.state.in_(ENDED), held > 0)
            .group_by(Position.condition_id)
        )
        return {ConditionId(condition): total for condition, total in rows}


async def ended_with_shares(
    engine: AsyncEngine, account: AccountId, markets: Collection[ConditionId]
) -> list[PositionRow]:
    """Return the ended positions in `markets` that hold as many shares as an order can sell."""
    held = Position.bought_shares - Position.sold_shares - Position.redeemed_shares
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(Position.__table__)
            .where(
                Position.account == account,
                Position.state.in_(ENDED),
                Position.condition_id.in_(sorted(markets)),
                held >= SHARE_QUANTUM,
            )
            .order_by(Position.id)
        )
        return [row_of(row) for row in rows.mappings()]


async def reopen(engine: AsyncEngine, position_id: str) -> bool:
    """Take back that a position ended; False if another one of its whale in its token is open by now.

    One that had left goes on leaving, one that had bought nothing begins to hold.
    """
    resumed = case(
        (Position.state == PositionState.CLOSED.value, PositionState.EXITING.value),
        else_=PositionState.ENTERING.value,
    )
    try:
        async with engine.begin() as connection:
            found = await connection.execute(
                update(Position)
                .where(Position.id == position_id, Position.state.in_(ENDED))
                .values(state=resumed, closed_at=None)
            )
            return bool(found.rowcount)
    except IntegrityError:
        return False


async def take_over(engine: AsyncEngine, position_id: str, *, run_id: str, now: datetime) -> None:
    """Make a run of its workflow responsible for a position; purchases that were never signed end unsent."""
    async with engine.begin() as connection:
        await connection.execute(update(Position).where(Position.id == position_id).values(run_id=run_id))
        unsent = await unsigned.give_up(connection, position_id, why="its workflow ended before it was signed")
        await connection.execute(
            update(Reservation)
            .where(Reservation.order_id.in_(unsent), Reservation.released_at.is_(None))
            .values(released_at=now)
        )


async def restore_position(engine: AsyncEngine, lost: PositionRow, *, now: datetime) -> str | None:
    """Write a lost position's row, without fills yet; return why that cannot be, None once it is there.

    An earlier copy of the same whale and token that holds nothing any more ended before this one began.
    """
    if not lost.state.ended:
        earlier = await _in_its_place(engine, lost)
        if earlier is not None:
            # the lost one is dated by its first fill, and fills carry whole seconds
            later = earlier.opened_at.replace(microsecond=0) > lost.opened_at
            if later or earlier.books.shares >= SHARE_QUANTUM:
                return f"position {earlier.id} of the same whale and token is open"
            await _end(engine, earlier, at=lost.opened_at, now=now)
    async with engine.begin() as connection:
        if await connection.scalar(select(Position.id).where(Position.id == lost.id)):
            return None
        await connection.execute(
            insert(Position).values(
                id=lost.id,
                workflow_id=lost.workflow_id,
                run_id=lost.run_id,
                account=lost.account,
                whale=lost.whale,
                token_id=lost.token_id,
                condition_id=lost.condition_id,
                event_id=lost.event_id,
                question=lost.question,
                outcome=lost.outcome,
                state=lost.state.value,
                exit_reason=None if lost.exit_reason is None else lost.exit_reason.value,
                unproven=lost.unproven,
                whale_price=lost.whale_price,
                bought_shares=ZERO,
                bought_notional=ZERO,
                sold_shares=ZERO,
                sold_notional=ZERO,
                redeemed_shares=ZERO,
                redeemed_dollars=ZERO,
                cost=ZERO,
                fees=ZERO,
                opened_at=lost.opened_at,
                closed_at=lost.closed_at,
            )
        )
        return None


async def _in_its_place(engine: AsyncEngine, lost: PositionRow) -> PositionRow | None:
    query = select(Position.__table__).where(
        Position.account == lost.account,
        Position.whale == lost.whale,
        Position.token_id == lost.token_id,
        Position.id != lost.id,
        NOT_ENDED,
    )
    async with engine.connect() as connection:
        row = (await connection.execute(query)).mappings().first()
    return None if row is None else row_of(row)


async def _end(engine: AsyncEngine, gone: PositionRow, *, at: datetime, now: datetime) -> None:
    """End a position as its run did after the database was copied: it had settled its orders."""
    for order in await orders_of(engine, gone.id, unfinished=True):
        state = OrderState.REJECTED if order.signed is None else OrderState.DONE
        why = "its run ended without it"
        await set_order_state(engine, order.id, state, now=now, code="never_sent", message=why)
    end = PositionState.CLOSED if gone.books.bought_shares > 0 else PositionState.UNFILLED
    await finish_position(engine, gone.id, end, exit_reason=gone.exit_reason, now=now, now_venue=at)


async def restore_order(
    engine: AsyncEngine,
    account: AccountId,
    position_id: str,
    condition_id: ConditionId,
    fills: Sequence[Fill],
    *,
    now: datetime,
) -> str:
    """Write the row of a lost order from its fills and return its id; its signed bytes stay lost."""
    first = fills[0]
    order_id = f"r-{first.order_digest.removeprefix('0x')[:20]}"
    async with engine.begin() as connection:
        known = await connection.scalar(select(Order.id).where(Order.digest == first.order_digest))
        if known is not None:
            return str(known)
        await connection.execute(
            insert(Order).values(
                id=order_id,
                account=account,
                position_id=position_id,
                purpose=(Purpose.ENTRY if first.side is Side.BUY else Purpose.EXIT).value,
                token_id=first.token_id,
                condition_id=condition_id,
                side=first.side.value,
                shares=sum((fill.shares for fill in fills), ZERO),
                limit_price=first.price,
                order_type=OrderType.FAK.value,
                state=OrderState.DONE.value,
                digest=first.order_digest,
                payload="",
                send_attempts=0,
                venue_at=first.matched_at,
                decided_at=now,
            )
        )
    return order_id


async def book(engine: AsyncEngine, order_id: str, fills: Sequence[Fill], *, now: datetime) -> str | None:
    """Write what became of an order's fills; return why our books refuse it, None once it is written.

    They refuse what would leave them with less than nothing: something else that they do not know came before it.
    """
    try:
        await fill_store.record_fills(engine, order_id, fills, now=now)
    except DBAPIError as error:
        if may_pass(error):
            raise
        return _refusal(str(error.orig))
    return None


def _refusal(complaint: str) -> str:
    if "ck_desks_cash" in complaint:
        return "our cash would fall below zero: a deposit or a redemption is missing"
    if "ck_positions_shares" in complaint or "would hold" in complaint:
        return "its position would hold less than no shares: a purchase is missing"
    return next(iter(complaint.splitlines()), "refused")[:REFUSAL_MAX]


def _chunks(digests: Collection[OrderDigest]) -> list[list[OrderDigest]]:
    ordered = sorted(set(digests))
    return [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]
