"""The ledger by whale: what copying each of them cost and brought, which sums exactly to the whole."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId, WalletAddress
from remora.domain.money import ZERO
from remora.storage import ledger
from remora.storage.portfolio import VALUE
from remora.storage.tables import NOT_ENDED, LedgerEntry, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleBooks:
    """One whale's part of an account, in dollars and shares.

    `cash_flow` is what its copies brought less what they cost, fees taken off; `value` is what they hold at its
    last mark, at cost before the first; `pnl` is the sum of both.
    """

    whale: WalletAddress
    positions: int
    open_positions: int
    cash_flow: Decimal
    fees: Decimal
    shares: Decimal
    value: Decimal

    @property
    def pnl(self) -> Decimal:
        """Dollars gained so far, what is held taken at its last mark."""
        return self.cash_flow + self.value


async def by_whale(engine: AsyncEngine, account: AccountId) -> list[WhaleBooks]:
    """Return the sub-ledger of every whale that was ever copied, by address.

    Cash flows and fees are sums of ledger entries: with the deposits they make the account's cash and fees.
    """
    held = Position.bought_shares - Position.sold_shares - Position.redeemed_shares
    of_positions = (
        select(
            Position.whale,
            func.count().label("positions"),
            func.count().filter(NOT_ENDED).label("open_positions"),
            func.sum(held).label("shares"),
            func.sum(VALUE).label("value"),
        )
        .where(Position.account == account)
        .group_by(Position.whale)
    )
    of_ledger = (
        select(Position.whale, LedgerEntry.book, func.sum(LedgerEntry.amount).label("amount"))
        .join(Position, Position.id == LedgerEntry.position_id)
        .where(LedgerEntry.account == account, LedgerEntry.book.in_((ledger.CASH, ledger.FEES)))
        .group_by(Position.whale, LedgerEntry.book)
    )
    async with engine.connect() as connection:
        # both reads see the same moment, whatever commits meanwhile
        await connection.execution_options(isolation_level="REPEATABLE READ")
        rows = (await connection.execute(of_positions.order_by(Position.whale))).all()
        moved = {(row.whale, row.book): row.amount for row in await connection.execute(of_ledger)}
    return [
        WhaleBooks(
            whale=WalletAddress(row.whale),
            positions=row.positions,
            open_positions=row.open_positions,
            cash_flow=moved.get((row.whale, ledger.CASH), ZERO),
            fees=moved.get((row.whale, ledger.FEES), ZERO),
            shares=row.shares,
            value=Decimal(row.value),
        )
        for row in rows
    ]
