"""What an account did, read back from its database in the order in which it happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.storage.tables import Decision, Fill, LedgerEntry, LedgerTransaction, Order, Position

TRANSFERS = ("deposit", "withdrawal")
"""Kinds of ledger transactions that are neither gain nor loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """Rows of one account: decisions, fills with the wall time of their booking, exit orders, positions."""

    decisions: Sequence[dict[str, Any]]
    fills: Sequence[dict[str, Any]]
    exits: Sequence[dict[str, Any]]
    positions: Sequence[dict[str, Any]]
    opening_cash: Decimal
    opened_at: datetime


class NothingDecided(Exception):
    """There is no run to read."""


async def opening_cash(engine: AsyncEngine, account: AccountId) -> Decimal:
    """Return what was paid in, less what was paid out, in dollars."""
    paid = (
        select(func.coalesce(func.sum(LedgerEntry.amount), 0))
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .where(LedgerEntry.account == account, LedgerEntry.book == "cash", LedgerTransaction.kind.in_(TRANSFERS))
    )
    async with engine.connect() as connection:
        return Decimal(await connection.scalar(paid) or 0)


async def run_log(engine: AsyncEngine, account: AccountId, *, opening_cash: Decimal) -> RunLog:
    """Return everything that an account decided and did, oldest first; raise NothingDecided if that is nothing."""
    booked = (Fill.__table__, LedgerTransaction.at.label("booked_at"))
    reference = "fill:" + Fill.digest + ":" + Fill.trade_id
    queries = {
        "decisions": select(Decision.__table__).where(Decision.account == account).order_by(Decision.decided_at),
        "fills": select(*booked)
        .join(LedgerTransaction, LedgerTransaction.reference == reference)
        .join(Order, Order.id == Fill.order_id)
        .where(Order.account == account, LedgerTransaction.account == account)
        .order_by(LedgerTransaction.at),
        "exits": select(Order.__table__)
        .where(Order.account == account, Order.purpose == "exit")
        .order_by(Order.decided_at),
        "positions": select(Position.__table__).where(Position.account == account).order_by(Position.opened_at),
    }
    rows: dict[str, Any] = {}
    async with engine.connect() as connection:
        for name, query in queries.items():
            rows[name] = [dict(row) for row in (await connection.execute(query)).mappings()]
    first = min((row["decided_at"] for row in rows["decisions"]), default=None)
    if first is None:
        raise NothingDecided(f"Account {account} has decided nothing yet.")
    return RunLog(**rows, opening_cash=opening_cash, opened_at=first)
