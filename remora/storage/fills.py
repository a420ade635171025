"""Fills and redemptions: idempotent, provisional until final, undone when settlement fails."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId, OrderDigest, TokenId
from remora.domain.money import MICRO, ZERO, Side, floor_to
from remora.domain.orders import Fill, FillStatus
from remora.domain.pnl import PositionBooks, position_books
from remora.storage import desk as desks
from remora.storage import ledger
from remora.storage import tables as t

OPERATOR = "operator:"
"""Begins the trade id of what an operator found out; the exchange's own word about the order takes its place."""

RANK = {
    FillStatus.MATCHED: 0,
    FillStatus.RETRYING: 1,
    FillStatus.MINED: 2,
    FillStatus.CONFIRMED: 3,
    FillStatus.FAILED: 3,
}


async def record_fills(
    engine: AsyncEngine, order_id: str, fills: Sequence[Fill], *, now: datetime
) -> PositionBooks:
    """Write what became of an order's fills and return the position's books.

    Safe to repeat and to receive out of order: a status never moves backwards. The desk is locked only when there
    is news: settlement is looked at again and again, and entries wait for that lock.
    """
    async with engine.connect() as connection:
        if not await _news(connection, fills):
            return await _books_of(connection, order_id)
    async with engine.begin() as connection:
        order = (
            await connection.execute(select(t.Order.account, t.Order.position_id).where(t.Order.id == order_id))
        ).one()
        account = AccountId(order.account)
        await desks.load(connection, account, lock=True)
        for fill in fills:
            await _record(connection, account, order_id, order.position_id, fill, now)
        books = await _fold(connection, order.position_id)
        await ledger.assert_cash(connection, account)
        return books


async def _news(connection: AsyncConnection, fills: Sequence[Fill]) -> bool:
    """Whether one of the fills is not written down yet, or not as far as it has come."""
    rows = await connection.execute(
        select(t.Fill.trade_id, t.Fill.digest, t.Fill.status).where(
            t.Fill.digest.in_({fill.order_digest for fill in fills})
        )
    )
    known = {(row.trade_id, row.digest): RANK[FillStatus(row.status)] for row in rows}
    return any(RANK[fill.status] > known.get((fill.trade_id, fill.order_digest), -1) for fill in fills)


async def is_written(engine: AsyncEngine, fill: Fill) -> bool:
    """Whether the books know a fill as far as it has come."""
    async with engine.connect() as connection:
        return not await _news(connection, [fill])


async def _books_of(connection: AsyncConnection, order_id: str) -> PositionBooks:
    row = (
        (
            await connection.execute(
                select(
                    t.Position.bought_shares,
                    t.Position.bought_notional,
                    t.Position.sold_shares,
                    t.Position.sold_notional,
                    t.Position.redeemed_shares,
                    t.Position.redeemed_dollars,
                    t.Position.cost,
                    t.Position.fees,
                )
                .join(t.Order, t.Order.position_id == t.Position.id)
                .where(t.Order.id == order_id)
            )
        )
        .mappings()
        .one()
    )
    return PositionBooks(**row)


async def _record(
    connection: AsyncConnection, account: AccountId, order_id: str, position_id: str, fill: Fill, now: datetime
) -> None:
    known = (
        await connection.execute(
            select(t.Fill.status, t.Fill.shares, t.Fill.price, t.Fill.fee).where(
                t.Fill.trade_id == fill.trade_id, t.Fill.digest == fill.order_digest
            )
        )
    ).first()
    if known is None:
        operators = fill.trade_id.startswith(OPERATOR)
        if fill.side is Side.BUY and not operators:
            await _withdraw_finding(connection, account, position_id, fill.order_digest, now)
        await connection.execute(
            insert(t.Fill).values(
                trade_id=fill.trade_id,
                digest=fill.order_digest,
                order_id=order_id,
                position_id=position_id,
                token_id=fill.token_id,
                side=fill.side.value,
                shares=fill.shares,
                price=fill.price,
                fee=fill.fee,
                status=fill.status.value,
                matched_at=fill.matched_at,
                transaction_hash=fill.transaction_hash,
            )
        )
        if fill.status is not FillStatus.FAILED:
            await _post(connection, account, position_id, fill, now, undo=False)
        if fill.side is Side.SELL and not operators:
            # only now: the desk's cash must not be short in between
            await _withdraw_finding(connection, account, position_id, fill.order_digest, now)
        return
    if RANK[fill.status] <= RANK[FillStatus(known.status)]:
        return
    if fill.status is FillStatus.FAILED and await _lived_off(connection, position_id, fill):
        return
    await connection.execute(
        update(t.Fill)
        .where(t.Fill.trade_id == fill.trade_id, t.Fill.digest == fill.order_digest)
        .values(status=fill.status.value, transaction_hash=fill.transaction_hash or t.Fill.transaction_hash)
    )
    if fill.status is FillStatus.FAILED:
        await _post(connection, account, position_id, fill, now, undo=True)


async def _lived_off(connection: AsyncConnection, position_id: str, undone: Fill) -> bool:
    """Whether shares of a failed purchase were sold since, so that it cannot be taken back yet.

    That sale fails with it, and the exchange tells so in the same breath: until it is written the purchase stays
    as it was, not final, and whoever follows it looks again.
    """
    if undone.side is Side.SELL:
        return False
    rest = position_books(fill for fill in await fills_of(connection, position_id) if _name(fill) != _name(undone))
    redeemed = await connection.scalar(select(t.Position.redeemed_shares).where(t.Position.id == position_id))
    return rest.bought_shares < rest.sold_shares + (redeemed or ZERO)


def _name(fill: Fill) -> tuple[str, str]:
    return fill.trade_id, fill.order_digest


async def _withdraw_finding(
    connection: AsyncConnection, account: AccountId, position_id: str, digest: OrderDigest, now: datetime
) -> None:
    """Undo what an operator said about an order, now that the exchange tells it: it must not count twice."""
    found = (
        await connection.execute(
            update(t.Fill)
            .where(
                t.Fill.trade_id == f"{OPERATOR}{digest}",
                t.Fill.digest == digest,
                t.Fill.status != FillStatus.FAILED.value,
            )
            .values(status=FillStatus.FAILED.value)
            .returning(t.Fill.__table__)
        )
    ).mappings()
    for row in found:
        await _post(connection, account, position_id, _fill(row), now, undo=True)


async def booked_shares(engine: AsyncEngine, order_id: str) -> Decimal:
    """Return how many shares of an order are in the books."""
    async with engine.connect() as connection:
        found = await connection.scalar(
            select(func.sum(t.Fill.shares)).where(
                t.Fill.order_id == order_id, t.Fill.status != FillStatus.FAILED.value
            )
        )
        return Decimal(found or 0)


async def _post(
    connection: AsyncConnection, account: AccountId, position_id: str, fill: Fill, now: datetime, *, undo: bool
) -> None:
    sign = Decimal(1 if fill.side is Side.BUY else -1) * (-1 if undo else 1)
    fee = fill.fee * (-1 if undo else 1)
    notional = dollars(fill.shares, fill.price)
    unit = f"share:{fill.token_id}"
    entries = [
        ledger.Entry(ledger.CASH, ledger.USD, -sign * notional - fee, position_id),
        ledger.Entry("exchange", ledger.USD, sign * notional, position_id),
        ledger.Entry("fees", ledger.USD, fee, position_id),
        ledger.Entry("holdings", unit, sign * fill.shares, position_id),
        ledger.Entry("exchange", unit, -sign * fill.shares, position_id),
    ]
    kind = "fill_undone" if undo else "fill"
    await ledger.post(
        connection,
        account,
        kind=kind,
        reference=f"{kind}:{fill.order_digest}:{fill.trade_id}",
        at=now,
        entries=entries,
    )


def dollars(shares: Decimal, price: Decimal) -> Decimal:
    """Return the notional of a fill in whole millionths, as the venue books it."""
    return floor_to(shares * price, MICRO)


async def unsettled(engine: AsyncEngine, position_id: str) -> set[str]:
    """Return the ids of a position's orders with a fill that is not final."""
    final = [status.value for status in FillStatus if status.final]
    async with engine.connect() as connection:
        rows = await connection.scalars(
            select(t.Fill.order_id).where(t.Fill.position_id == position_id, t.Fill.status.not_in(final))
        )
        return set(rows)


async def sold_under(engine: AsyncEngine, position_id: str, name: str) -> Decimal:
    """Return the shares sold by the orders of one sale, whose ids begin with its `name` and a hyphen."""
    async with engine.connect() as connection:
        found = await connection.scalar(
            select(func.coalesce(func.sum(t.Fill.shares), 0)).where(
                t.Fill.position_id == position_id,
                t.Fill.order_id.startswith(f"{name}-", autoescape=True),
                t.Fill.side == Side.SELL.value,
                t.Fill.status != FillStatus.FAILED.value,
            )
        )
        return Decimal(found or 0)


async def fills_of(connection: AsyncConnection, position_id: str) -> list[Fill]:
    """Return a position's fills, oldest first."""
    rows = await connection.execute(
        select(t.Fill.__table__).where(t.Fill.position_id == position_id).order_by(t.Fill.matched_at)
    )
    return [_fill(row) for row in rows.mappings()]


def _fill(row: Any) -> Fill:
    return fill_of(row, status=FillStatus(row["status"]), transaction_hash=row["transaction_hash"])


def fill_of(row: Any, *, status: FillStatus, transaction_hash: str) -> Fill:
    """Return a fill from the columns that every table of fills has."""
    return Fill(
        trade_id=row["trade_id"],
        order_digest=OrderDigest(row["digest"]),
        token_id=TokenId(row["token_id"]),
        side=Side(row["side"]),
        shares=row["shares"],
        price=row["price"],
        fee=row["fee"],
        status=status,
        matched_at=row["matched_at"],
        transaction_hash=transaction_hash,
    )


async def _fold(connection: AsyncConnection, position_id: str) -> PositionBooks:
    """Rewrite the position's totals from its fills, so that they cannot drift from them."""
    redeemed = await connection.execute(
        select(t.Position.redeemed_shares, t.Position.redeemed_dollars).where(t.Position.id == position_id)
    )
    folded = position_books(await fills_of(connection, position_id)).redeemed(*redeemed.one())
    await connection.execute(
        update(t.Position)
        .where(t.Position.id == position_id)
        .values(
            bought_shares=folded.bought_shares,
            bought_notional=folded.bought_notional,
            sold_shares=folded.sold_shares,
            sold_notional=folded.sold_notional,
            cost=folded.cost,
            fees=folded.fees,
        )
    )
    return folded
