"""Our books, to be held against the exchange's."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId, TokenId
from remora.domain.money import ZERO
from remora.storage import desk as desks
from remora.storage import ledger
from remora.storage.portfolio import VALUE
from remora.storage.tables import Position

SHARE = "share:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What an account owns and paid in fees, from its ledger; tokens without shares are left out."""

    cash: Decimal
    shares: dict[TokenId, Decimal]
    fees: Decimal


async def our_books(engine: AsyncEngine, account: AccountId) -> Books:
    """Return the account's books; raise LedgerUnbalanced if ledger, desk and positions disagree."""
    async with engine.connect() as connection:
        # every read below sees the same moment, whatever commits meanwhile
        await connection.execution_options(isolation_level="REPEATABLE READ")
        balances = await ledger.balances(connection, account)
        await ledger.assert_cash(connection, account)
        held = Position.bought_shares - Position.sold_shares - Position.redeemed_shares
        rows = await connection.execute(
            select(Position.token_id, func.sum(held))
            .where(Position.account == account)
            .group_by(Position.token_id)
        )
        positions = {TokenId(token): total for token, total in rows if total != 0}
    shares = {
        TokenId(unit.removeprefix(SHARE)): total
        for (book, unit), total in balances.items()
        if book == "holdings" and unit.startswith(SHARE)
    }
    if shares != positions:
        raise ledger.LedgerUnbalanced(f"the ledger holds {shares}, the positions {positions}")
    return Books(
        cash=balances.get((ledger.CASH, ledger.USD), ZERO),
        shares=shares,
        fees=balances.get(("fees", ledger.USD), ZERO),
    )


async def equity(engine: AsyncEngine, account: AccountId) -> Decimal:
    """Return cash plus open positions at their last mark (at cost before the first)."""
    async with engine.connect() as connection:
        desk = await desks.load(connection, account)
        value = await connection.scalar(
            select(func.coalesce(func.sum(VALUE), 0)).where(Position.account == account)
        )
    return desk.cash + Decimal(value or 0)
