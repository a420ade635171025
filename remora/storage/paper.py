"""Paper accounts in PostgreSQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.money import ZERO, Side
from remora.domain.orders import FillStatus, OrderRequest, OrderType
from remora.domain.paper import WAITING, BookSide, PaperFill, PaperHolding, PaperOrder, PaperState
from remora.storage.account_tables import PaperAccount, PaperClaim, PaperFillRow, PaperHoldingRow, PaperOrderRow
from remora.storage.fills import fill_of

MS = timedelta(milliseconds=1)


class PaperAccountMissing(LookupError):
    """The paper account was never opened."""


class PostgresPaperStore:
    """Keeps paper accounts; a turn is one transaction under the account's row lock."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def open(self, account: AccountId, *, cash: Decimal, now: datetime) -> None:
        """Make the account with its opening balance unless it is there."""
        async with self._engine.begin() as connection:
            values = {"account": account, "cash": cash, "opened_at": now}
            await connection.execute(upsert(PaperAccount).values(values).on_conflict_do_nothing())

    @asynccontextmanager
    async def turn(self, account: AccountId) -> AsyncIterator["PostgresPaperTurn"]:
        """Lock the account until the block ends; raise PaperAccountMissing."""
        async with self._engine.begin() as connection:
            query = select(PaperAccount.account).where(PaperAccount.account == account).with_for_update()
            if await connection.scalar(query) is None:
                raise PaperAccountMissing(f"no paper account {account}: open it first")
            yield PostgresPaperTurn(connection, account)


class PostgresPaperTurn:
    """One account inside its transaction."""

    def __init__(self, connection: AsyncConnection, account: AccountId) -> None:
        self._connection = connection
        self._account = account

    async def cash(self) -> Decimal:
        """Return the dollars, those held by resting orders included."""
        query = select(PaperAccount.cash).where(PaperAccount.account == self._account)
        found = await self._connection.scalar(query)
        assert isinstance(found, Decimal)
        return found

    async def holdings(self) -> list[PaperHolding]:
        """Return every token of which the account holds shares."""
        rows = await self._connection.execute(
            select(PaperHoldingRow.__table__)
            .where(PaperHoldingRow.account == self._account, PaperHoldingRow.shares > 0)
            .order_by(PaperHoldingRow.token_id)
        )
        return [
            PaperHolding(
                token_id=TokenId(row["token_id"]),
                condition_id=ConditionId(row["condition_id"]),
                shares=row["shares"],
            )
            for row in rows.mappings()
        ]

    async def order(self, digest: OrderDigest) -> PaperOrder | None:
        """Return an order that was taken, None for any other digest."""
        found = await self._orders(PaperOrderRow.digest == digest)
        return found[0] if found else None

    async def live_orders(self) -> list[PaperOrder]:
        """Return the orders that may still fill, oldest first."""
        return await self._orders(PaperOrderRow.state.in_([state.value for state in WAITING]))

    async def _orders(self, condition: Any) -> list[PaperOrder]:
        rows = await self._connection.execute(
            select(PaperOrderRow.__table__)
            .where(PaperOrderRow.account == self._account, condition)
            .order_by(PaperOrderRow.placed_at, PaperOrderRow.digest)
        )
        return [_order(row) for row in rows.mappings()]

    async def taken(self, side: BookSide) -> dict[Decimal, Decimal]:
        """Return our claims on a side of a book, by the first outcome's price."""
        rows = await self._connection.execute(select(PaperClaim.price, PaperClaim.shares).where(*self._on(side)))
        return {row.price: row.shares for row in rows}

    def _on(self, side: BookSide) -> tuple[Any, ...]:
        return (
            PaperClaim.account == self._account,
            PaperClaim.condition_id == side.condition_id,
            PaperClaim.asks.is_(side.asks),
        )

    async def fills(
        self,
        *,
        digest: OrderDigest | None = None,
        since: datetime | None = None,
        wall_since: datetime | None = None,
    ) -> list[PaperFill]:
        """Return fills, oldest first; `since` is venue time, `wall_since` wall time."""
        query = select(PaperFillRow.__table__).where(PaperFillRow.account == self._account)
        if digest is not None:
            query = query.where(PaperFillRow.digest == digest)
        if since is not None:
            query = query.where(PaperFillRow.matched_at >= since)
        if wall_since is not None:
            query = query.where(PaperFillRow.wall_at >= wall_since)
        rows = await self._connection.execute(query.order_by(PaperFillRow.wall_at, PaperFillRow.trade_id))
        return [_fill(row) for row in rows.mappings()]

    async def failing(self, *, before: datetime) -> list[PaperFill]:
        """Return fills matched before a wall-clock instant whose settlement fails and was not dealt with yet."""
        rows = await self._connection.execute(
            select(PaperFillRow.__table__)
            .where(PaperFillRow.account == self._account, PaperFillRow.fails, PaperFillRow.wall_at <= before)
            .where(PaperFillRow.undone.is_(False))
            .order_by(PaperFillRow.wall_at, PaperFillRow.trade_id)
        )
        return [_fill(row) for row in rows.mappings()]

    async def end_failing(self, trade_id: str, *, undone: bool) -> None:
        """Note that a failing fill was undone, or that it settles after all."""
        await self._connection.execute(
            update(PaperFillRow).where(PaperFillRow.trade_id == trade_id).values(fails=undone, undone=undone)
        )

    async def put_order(self, order: PaperOrder) -> None:
        """Write an order as it stands now."""
        request = order.request
        values = {
            "digest": order.digest,
            "account": self._account,
            "token_id": request.token_id,
            "condition_id": request.condition_id,
            "side": request.side.value,
            "order_type": request.order_type.value,
            "shares": request.shares,
            "notional": request.notional,
            "limit_price": request.limit_price,
            "rest": order.rest,
            "state": order.state.value,
            "latency_ms": Decimal(order.latency // timedelta(microseconds=1)).scaleb(-3),
            "placed_at": order.placed_at,
            "due_at": order.due_at,
        }
        changed = {"rest": order.rest, "state": order.state.value}
        await self._connection.execute(
            upsert(PaperOrderRow).values(values).on_conflict_do_update(index_elements=["digest"], set_=changed)
        )

    async def put_taken(self, side: BookSide, taken: Mapping[Decimal, Decimal]) -> None:
        """Replace our claims on a side of a book."""
        await self._connection.execute(delete(PaperClaim).where(*self._on(side)))
        rows = [
            {
                "account": self._account,
                "condition_id": side.condition_id,
                "asks": side.asks,
                "price": price,
                "shares": shares,
            }
            for price, shares in taken.items()
            if shares > ZERO
        ]
        if rows:
            await self._connection.execute(insert(PaperClaim), rows)

    async def add_fills(self, fills: Sequence[PaperFill]) -> None:
        """Write new fills."""
        rows = [
            {
                "trade_id": row.fill.trade_id,
                "digest": row.fill.order_digest,
                "account": self._account,
                "token_id": row.fill.token_id,
                "side": row.fill.side.value,
                "shares": row.fill.shares,
                "price": row.fill.price,
                "fee": row.fill.fee,
                "matched_at": row.fill.matched_at,
                "wall_at": row.wall_at,
                "fails": row.fails,
                "undone": row.undone,
            }
            for row in fills
        ]
        if rows:
            await self._connection.execute(insert(PaperFillRow), rows)

    async def move(
        self, *, dollars: Decimal, token_id: TokenId, condition_id: ConditionId, shares: Decimal
    ) -> None:
        """Add dollars and shares (both may be negative) to the account."""
        await self._connection.execute(
            update(PaperAccount)
            .where(PaperAccount.account == self._account)
            .values(cash=PaperAccount.cash + dollars)
        )
        key = {"account": self._account, "token_id": token_id}
        empty = {**key, "condition_id": condition_id, "shares": ZERO}
        await self._connection.execute(upsert(PaperHoldingRow).values(empty).on_conflict_do_nothing())
        await self._connection.execute(
            update(PaperHoldingRow).filter_by(**key).values(shares=PaperHoldingRow.shares + shares)
        )


def _order(row: Any) -> PaperOrder:
    return PaperOrder(
        digest=OrderDigest(row["digest"]),
        request=OrderRequest(
            token_id=TokenId(row["token_id"]),
            condition_id=ConditionId(row["condition_id"]),
            side=Side(row["side"]),
            shares=row["shares"],
            limit_price=row["limit_price"],
            notional=row["notional"],
            order_type=OrderType(row["order_type"]),
        ),
        state=PaperState(row["state"]),
        rest=row["rest"],
        latency=float(row["latency_ms"]) * MS,
        placed_at=row["placed_at"],
        due_at=row["due_at"],
    )


def _fill(row: Any) -> PaperFill:
    fill = fill_of(row, status=FillStatus.MATCHED, transaction_hash="")
    return PaperFill(fill=fill, wall_at=row["wall_at"], fails=row["fails"], undone=row["undone"])
