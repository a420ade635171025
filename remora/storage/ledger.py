"""Append-only double entries: the only way money and shares move."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from remora.domain.ids import AccountId
from remora.domain.money import ZERO
from remora.storage.tables import Desk, LedgerEntry, LedgerTransaction

CASH = "cash"
FEES = "fees"
USD = "usd"


@dataclass(frozen=True, slots=True)
class Entry:
    """A signed amount on a book; `unit` is ``usd`` or ``share:<token>``."""

    book: str
    unit: str
    amount: Decimal
    position_id: str | None = None


class LedgerUnbalanced(AssertionError):
    """Entries of one transaction do not sum to zero: a programmer's error, nothing is written."""


async def post(
    connection: AsyncConnection,
    account: AccountId,
    *,
    kind: str,
    reference: str,
    at: datetime,
    entries: Sequence[Entry],
) -> bool:
    """Write a balanced transaction and move the desk's cash with it; False if `reference` was written before."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        sums[entry.unit] += entry.amount
    if any(total != 0 for total in sums.values()):
        raise LedgerUnbalanced(f"{kind} {reference} does not sum to zero: {dict(sums)}")
    transaction = await connection.scalar(
        upsert(LedgerTransaction)
        .values(account=account, kind=kind, reference=reference, at=at)
        .on_conflict_do_nothing()
        .returning(LedgerTransaction.id)
    )
    if transaction is None:
        return False
    await connection.execute(
        insert(LedgerEntry),
        [
            {
                "transaction_id": transaction,
                "account": account,
                "position_id": entry.position_id,
                "book": entry.book,
                "unit": entry.unit,
                "amount": entry.amount,
            }
            for entry in entries
        ],
    )
    moved = sum((entry.amount for entry in entries if entry.book == CASH), ZERO)
    if moved:
        await connection.execute(update(Desk).where(Desk.account == account).values(cash=Desk.cash + moved))
    return True


async def balances(connection: AsyncConnection, account: AccountId) -> dict[tuple[str, str], Decimal]:
    """Return the sum of every (book, unit) of an account, zeros left out."""
    rows = await connection.execute(
        select(LedgerEntry.book, LedgerEntry.unit, func.sum(LedgerEntry.amount))
        .where(LedgerEntry.account == account)
        .group_by(LedgerEntry.book, LedgerEntry.unit)
    )
    return {(book, unit): total for book, unit, total in rows if total != 0}


async def assert_cash(connection: AsyncConnection, account: AccountId) -> None:
    """Raise LedgerUnbalanced if the desk's running cash differs from the sum of its entries."""
    entries = (
        select(func.coalesce(func.sum(LedgerEntry.amount), 0))
        .where(LedgerEntry.account == account, LedgerEntry.book == CASH)
        .scalar_subquery()
    )
    # one statement, one snapshot: another transaction may commit between two
    row = (await connection.execute(select(entries, Desk.cash).where(Desk.account == account))).one_or_none()
    if row is not None and row[0] != row[1]:
        raise LedgerUnbalanced(f"desk {account} shows {row[1]} cash, its ledger {row[0]}")
