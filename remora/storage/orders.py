"""Orders between intent and the end of their life."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import RESTING, OrderRequest, OrderState, OrderType, Purpose, SignedOrder
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import DeskMode, ExitReason
from remora.storage import desk as desks
from remora.storage.tables import Desk, Order, Position, Reservation

FINISHED = (OrderState.DONE.value, OrderState.REJECTED.value)
DESK_TRADES = (
    select(Desk.account)
    .where(Desk.account == Order.account, Desk.mode == DeskMode.TRADING.value)
    .correlate(Order)
    .exists()
)

_ATTACH = (
    update(Order)
    .where(
        Order.id == bindparam("order_id"),
        Order.digest.is_(None),
        Order.state == OrderState.INTENT.value,
        or_(Order.purpose != Purpose.ENTRY.value, DESK_TRADES),
    )
    .values(
        digest=bindparam("new_digest"),
        payload=bindparam("new_payload"),
        signed_at=bindparam("now"),
        sent_at=bindparam("now"),
        send_attempts=1,
        state=OrderState.UNKNOWN.value,
    )
    .returning(Order.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order as stored."""

    id: str
    account: AccountId
    position_id: str
    purpose: Purpose
    exit_reason: ExitReason | None
    request: OrderRequest
    state: OrderState
    signed: SignedOrder | None
    reject_code: str | None
    reject_message: str | None
    send_attempts: int
    decided_at: datetime
    signed_at: datetime | None = None
    sent_at: datetime | None = None
    acked_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more of the order can fill."""
        return self.state in (OrderState.DONE, OrderState.REJECTED)


class OrderMissing(LookupError):
    """No such order."""


async def load_order(engine: AsyncEngine, order_id: str) -> OrderRow:
    """Return an order; raise OrderMissing when there is none."""
    async with engine.connect() as connection:
        return await _load(connection, Order.id == order_id, order_id)


async def find_by_digest(engine: AsyncEngine, digest: OrderDigest) -> tuple[OrderRow, str] | None:
    """Return the order with this digest and its position's workflow id, None when it is not ours."""
    async with engine.connect() as connection:
        workflow_id = await connection.scalar(
            select(Position.workflow_id)
            .join(Order, Order.position_id == Position.id)
            .where(Order.digest == digest)
        )
        if workflow_id is None:
            return None
        return await _load(connection, Order.digest == digest, digest), workflow_id


async def note_unmatched(engine: AsyncEngine, digest: OrderDigest, status: str) -> str | None:
    """Keep the venue's word that an order ended without a match; return its position's workflow id.

    None: the order is not ours, has ended here already, or was sent more than once: then nobody knows which
    sending the word is about.
    """
    ours = Order.digest == digest, Order.state.not_in(FINISHED), Order.send_attempts == 1
    async with engine.begin() as connection:
        await connection.execute(update(Order).where(*ours, Order.unmatched.is_(None)).values(unmatched=status))
        found: str | None = await connection.scalar(
            select(Position.workflow_id).join(Order, Order.position_id == Position.id).where(*ours)
        )
        return found


async def told_unmatched(engine: AsyncEngine, order_id: str) -> str | None:
    """Return the venue's word for an order's end without a match, None without one that must be about its fate."""
    query = select(Order.unmatched).where(Order.id == order_id, Order.send_attempts == 1)
    async with engine.connect() as connection:
        found: str | None = await connection.scalar(query)
        return found


async def orders_of(engine: AsyncEngine, position_id: str, *, unfinished: bool = False) -> list[OrderRow]:
    """Return a position's orders, oldest first."""
    query = select(Order.__table__).where(Order.position_id == position_id).order_by(Order.decided_at, Order.id)
    if unfinished:
        query = query.where(Order.state.not_in(FINISHED))
    async with engine.connect() as connection:
        return [_row(row) for row in (await connection.execute(query)).mappings()]


async def any_rests(engine: AsyncEngine, account: AccountId) -> bool:
    """Whether an order of the account may rest in a book."""
    query = select(Order.id).where(
        Order.account == account, Order.order_type.in_(RESTING), Order.state.not_in((*FINISHED, "intent"))
    )
    async with engine.connect() as connection:
        return await connection.scalar(query.limit(1)) is not None


async def attach_signed(
    engine: AsyncEngine, order_id: str, signed: SignedOrder, *, now: datetime
) -> SignedOrder | None:
    """Persist the signed bytes, and that they are being sent, before the wire.

    The first writer wins: return what is persisted. If that is not `signed`, nothing was marked as being sent.
    None: the desk has stopped entries since this one was approved; it must not be sent.
    """
    values = {
        "order_id": order_id,
        "new_digest": signed.digest,
        "new_payload": signed.payload,
        "now": now,
    }
    async with engine.connect() as connection:
        # one statement is a transaction of its own: one round trip instead of three
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if await connection.scalar(_ATTACH, values) is not None:
            return signed
        return (await _load(connection, Order.id == order_id, order_id)).signed


async def entries_allowed(engine: AsyncEngine, account: AccountId) -> bool:
    """Tell whether the desk allows entries now."""
    async with engine.connect() as connection:
        mode = await connection.scalar(select(Desk.mode).where(Desk.account == account))
        return mode == DeskMode.TRADING.value


async def entries_in_flight(engine: AsyncEngine, account: AccountId, *, since: datetime) -> int:
    """Return how many entries approved after wall time `since` may still be sent or have no answer yet."""
    query = select(func.count()).where(
        Order.account == account,
        Order.purpose == Purpose.ENTRY.value,
        Order.state.not_in((*FINISHED, OrderState.LIVE.value)),
        Order.acked_at.is_(None),
        Order.decided_at > since,
    )
    async with engine.connect() as connection:
        return int(await connection.scalar(query) or 0)


async def mark_sending(engine: AsyncEngine, order_id: str, *, now: datetime) -> None:
    """Count a send and, until its reply, call the order's state unknown."""
    async with engine.begin() as connection:
        await connection.execute(
            update(Order)
            .where(Order.id == order_id, Order.state.not_in(FINISHED))
            .values(
                state=OrderState.UNKNOWN.value,
                send_attempts=Order.send_attempts + 1,
                sent_at=func.coalesce(Order.sent_at, now),
            )
        )


async def set_order_state(
    engine: AsyncEngine,
    order_id: str,
    state: OrderState,
    *,
    now: datetime,
    code: str | None = None,
    message: str | None = None,
    unsigned: bool = False,
) -> None:
    """Move an order; once nothing more can fill, release its reservation. A finished order stays finished.

    `unsigned`: only if nobody has signed it yet; one that is on its way may fill.
    """
    async with engine.begin() as connection:
        account = await connection.scalar(select(Order.account).where(Order.id == order_id))
        if account is None:
            raise OrderMissing(f"no order {order_id}")
        if state.value in FINISHED:
            # a released reservation is cash that another decision may spend
            await desks.load(connection, AccountId(account), lock=True)
        values: dict[str, Any] = {"state": state.value}
        if state in (OrderState.LIVE, OrderState.DONE, OrderState.REJECTED):
            values["acked_at"] = func.coalesce(Order.acked_at, now)
        if state is OrderState.REJECTED:
            values |= {"reject_code": code, "reject_message": message}
        change = update(Order).where(Order.id == order_id, Order.state.not_in(FINISHED)).values(values)
        if unsigned:
            change = change.where(Order.digest.is_(None))
        moved = await connection.execute(change)
        if state.value in FINISHED and (moved.rowcount or not unsigned):
            await connection.execute(
                update(Reservation)
                .where(Reservation.order_id == order_id, Reservation.released_at.is_(None))
                .values(released_at=now)
            )


async def create_exit_intent(
    engine: AsyncEngine,
    position_id: str,
    request: OrderRequest,
    *,
    order_id: str,
    reason: ExitReason,
    now: datetime,
    now_venue: datetime,
) -> OrderRow | None:
    """Write a sale of no more than the position holds beyond its unfinished sales; None when nothing is left.

    Idempotent by `order_id`: a re-run gets the row it wrote before.
    """
    async with engine.begin() as connection:
        position = (
            (
                await connection.execute(
                    select(Position.__table__).where(Position.id == position_id).with_for_update()
                )
            )
            .mappings()
            .one()
        )
        existing = await connection.scalar(select(Order.id).where(Order.id == order_id))
        if existing is None:
            held = position["bought_shares"] - position["sold_shares"] - position["redeemed_shares"]
            pending = await connection.scalar(
                select(func.coalesce(func.sum(Order.shares), 0)).where(
                    Order.position_id == position_id,
                    Order.side == Side.SELL.value,
                    Order.state.not_in(FINISHED),
                )
            )
            free = held - Decimal(pending or 0)
            if free < SHARE_QUANTUM:
                return None
            sale = OrderRow(
                id=order_id,
                account=position["account"],
                position_id=position_id,
                purpose=Purpose.EXIT,
                exit_reason=reason,
                request=replace(request, side=Side.SELL, shares=min(request.shares, free)),
                state=OrderState.INTENT,
                signed=None,
                reject_code=None,
                reject_message=None,
                send_attempts=0,
                decided_at=now,
            )
            await connection.execute(insert(Order).values(**new_values(sale), venue_at=now_venue))
        return await _load(connection, Order.id == order_id, order_id)


def new_values(order: OrderRow) -> dict[str, Any]:
    """Return the columns of an order that is about to be written for the first time, but for its other times."""
    request = order.request
    return {
        "id": order.id,
        "account": order.account,
        "position_id": order.position_id,
        "purpose": order.purpose.value,
        "exit_reason": None if order.exit_reason is None else order.exit_reason.value,
        "token_id": request.token_id,
        "condition_id": request.condition_id,
        "side": request.side.value,
        "shares": request.shares,
        "notional": request.notional,
        "limit_price": request.limit_price,
        "order_type": request.order_type.value,
        "state": order.state.value,
        "send_attempts": order.send_attempts,
        "decided_at": order.decided_at,
    }


async def _load(connection: AsyncConnection, condition: Any, name: str) -> OrderRow:
    row = (await connection.execute(select(Order.__table__).where(condition))).mappings().first()
    if row is None:
        raise OrderMissing(f"no order {name}")
    return _row(row)


def _row(row: Any) -> OrderRow:
    signed = None
    if row["digest"] is not None:
        signed = SignedOrder(digest=OrderDigest(row["digest"]), payload=row["payload"])
    return OrderRow(
        id=row["id"],
        account=AccountId(row["account"]),
        position_id=row["position_id"],
        purpose=Purpose(row["purpose"]),
        exit_reason=None if row["exit_reason"] is None else ExitReason(row["exit_reason"]),
        request=OrderRequest(
            token_id=TokenId(row["token_id"]),
            condition_id=ConditionId(row["condition_id"]),
            side=Side(row["side"]),
            shares=row["shares"],
            limit_price=row["limit_price"],
            notional=row["notional"],
            order_type=OrderType(row["order_type"]),
        ),
        state=OrderState(row["state"]),
        signed=signed,
        reject_code=row["reject_code"],
        reject_message=row["reject_message"],
        send_attempts=row["send_attempts"],
        decided_at=row["decided_at"],
        signed_at=row["signed_at"],
        sent_at=row["sent_at"],
        acked_at=row["acked_at"],
    )
