"""Positions: state, marks, end, and the views people read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId, ConditionId, EventId, TokenId, WalletAddress
from remora.domain.pnl import PositionBooks
from remora.domain.reasons import ExitReason, PositionState
from remora.storage import unsigned
from remora.storage.tables import NOT_ENDED, ExitTrigger, Position, Reservation


class PositionMissing(LookupError):
    """No such position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """A position as stored; an asked price is one that a person chose: it stays until a person moves it."""

    id: str
    workflow_id: str
    run_id: str
    account: AccountId
    whale: WalletAddress
    token_id: TokenId
    condition_id: ConditionId
    event_id: EventId
    question: str
    outcome: str
    state: PositionState
    exit_reason: ExitReason | None
    attention: str | None
    unproven: bool
    whale_price: Decimal
    books: PositionBooks
    mark_price: Decimal | None
    stop_price: Decimal | None
    target_price: Decimal | None
    asked_stop_price: Decimal | None
    asked_target_price: Decimal | None
    exit_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None

    @property
    def unrealised_pnl(self) -> Decimal | None:
        """Value at the last mark less cost of what is held, None without a mark."""
        return None if self.mark_price is None else self.mark_price * self.books.shares - self.books.cost


async def load_position(engine: AsyncEngine, position_id: str) -> PositionRow:
    """Return a position by its id or its workflow's id (the newest run); raise PositionMissing."""
    query = (
        select(Position.__table__)
        .where((Position.id == position_id) | (Position.workflow_id == position_id))
        .order_by(Position.opened_at.desc(), Position.id.desc())
        .limit(1)
    )
    async with engine.connect() as connection:
        row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise PositionMissing(f"no position {position_id}: see remora positions --all")
    return row_of(row)


async def find_other_outcome(
    engine: AsyncEngine, account: AccountId, whale: WalletAddress, condition_id: ConditionId, token_id: TokenId
) -> PositionRow | None:
    """Return the open position that copies a whale in another outcome of a market, None without one."""
    query = select(Position.__table__).where(
        Position.account == account,
        Position.whale == whale,
        Position.condition_id == condition_id,
        Position.token_id != token_id,
        NOT_ENDED,
    )
    async with engine.connect() as connection:
        row = (await connection.execute(query)).mappings().first()
    return None if row is None else row_of(row)


async def list_positions(
    engine: AsyncEngine, account: AccountId, *, include_ended: bool = False, limit: int = 1000
) -> list[PositionRow]:
    """Return an account's positions, newest first."""
    query = select(Position.__table__).where(Position.account == account)
    if not include_ended:
        query = query.where(NOT_ENDED)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(Position.opened_at.desc(), Position.id).limit(limit))
        return [row_of(row) for row in rows.mappings()]


async def set_position_state(
    engine: AsyncEngine,
    position_id: str,
    state: PositionState,
    *,
    exit_reason: ExitReason | None = None,
    attention: str | None = None,
) -> None:
    """Write where a position stands; an ended position stays ended."""
    values: dict[str, Any] = {"state": state.value, "attention": attention}
    if exit_reason is not None:
        values["exit_reason"] = exit_reason.value
    async with engine.begin() as connection:
        await connection.execute(update(Position).where(Position.id == position_id, NOT_ENDED).values(values))


async def set_asked_exits(
    engine: AsyncEngine, position_id: str, *, stop_price: Decimal | None, target_price: Decimal | None
) -> None:
    """Keep the thresholds that a person chose; None leaves one as it is."""
    asked = {"asked_stop_price": stop_price, "asked_target_price": target_price}
    values = {name: price for name, price in asked.items() if price is not None}
    if values:
        async with engine.begin() as connection:
            await connection.execute(update(Position).where(Position.id == position_id).values(values))


async def set_mark(engine: AsyncEngine, position_id: str, price: Decimal) -> None:
    """Write the executable price of a position, for equity."""
    async with engine.begin() as connection:
        await connection.execute(update(Position).where(Position.id == position_id).values(mark_price=price))


async def set_marks(engine: AsyncEngine, prices: Mapping[str, Decimal]) -> None:
    """Write the executable prices of several positions, by position id, in one transaction."""
    if not prices:
        return
    async with engine.begin() as connection:
        await connection.execute(
            update(Position.__table__)  # type: ignore[arg-type]
            .where(Position.id == bindparam("position"))
            .values(mark_price=bindparam("price")),
            [{"position": position, "price": prices[position]} for position in sorted(prices)],
        )


async def finish_position(
    engine: AsyncEngine,
    position_id: str,
    state: PositionState,
    *,
    exit_reason: ExitReason | None,
    now: datetime,
    now_venue: datetime,
) -> None:
    """End a position: write its state, release what was reserved for it, disarm its triggers.

    A purchase that an attempt approved, but whose worker died before it was signed, ends unsent: the run may have
    heard of its end before it came to that purchase again.
    """
    async with engine.begin() as connection:
        await connection.execute(
            update(Position)
            .where(Position.id == position_id, NOT_ENDED)
            .values(
                state=state.value,
                exit_reason=None if exit_reason is None else exit_reason.value,
                attention=None,
                closed_at=now_venue,
            )
        )
        await unsigned.give_up(connection, position_id, why="its position ended before it was signed")
        await connection.execute(
            update(Reservation)
            .where(Reservation.position_id == position_id, Reservation.released_at.is_(None))
            .values(released_at=now)
        )
        await connection.execute(delete(ExitTrigger).where(ExitTrigger.position_id == position_id))


def row_of(row: Any) -> PositionRow:
    """Return a position from its row."""
    return PositionRow(
        id=row["id"],
        workflow_id=row["workflow_id"],
        run_id=row["run_id"],
        account=AccountId(row["account"]),
        whale=WalletAddress(row["whale"]),
        token_id=TokenId(row["token_id"]),
        condition_id=ConditionId(row["condition_id"]),
        event_id=EventId(row["event_id"]),
        question=row["question"],
        outcome=row["outcome"],
        state=PositionState(row["state"]),
        exit_reason=None if row["exit_reason"] is None else ExitReason(row["exit_reason"]),
        attention=row["attention"],
        unproven=row["unproven"],
        whale_price=row["whale_price"],
        books=PositionBooks(
            bought_shares=row["bought_shares"],
            bought_notional=row["bought_notional"],
            sold_shares=row["sold_shares"],
            sold_notional=row["sold_notional"],
            redeemed_shares=row["redeemed_shares"],
            redeemed_dollars=row["redeemed_dollars"],
            cost=row["cost"],
            fees=row["fees"],
        ),
        mark_price=row["mark_price"],
        stop_price=row["stop_price"],
        target_price=row["target_price"],
        asked_stop_price=row["asked_stop_price"],
        asked_target_price=row["asked_target_price"],
        exit_at=row["exit_at"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )
