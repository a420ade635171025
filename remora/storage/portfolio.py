"""What an account is worth: cash, and every open position at its last executable price."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId, ConditionId, TokenId
from remora.domain.money import ZERO
from remora.storage import desk as desks
from remora.storage.desk import DeskRow
from remora.storage.tables import NOT_ENDED, Position

HELD = Position.bought_shares - Position.sold_shares - Position.redeemed_shares
AVERAGE = Position.cost / func.nullif(HELD, 0)
VALUE = func.coalesce(HELD * Position.mark_price, Position.cost)
"""Dollars: shares at the last mark, at cost before the first."""

REALISED = (
    Position.sold_notional + Position.redeemed_dollars - (Position.bought_notional - Position.cost) - Position.fees
)
UNREALISED = VALUE - Position.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """Shares of one open position and the price they are carried at."""

    position_id: str
    token_id: TokenId
    condition_id: ConditionId
    shares: Decimal
    price: Decimal

    @property
    def value(self) -> Decimal:
        """Dollars at the carried price."""
        return self.shares * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """A desk and what it holds, as of one instant."""

    desk: DeskRow
    held: tuple[HeldShares, ...]

    @property
    def equity(self) -> Decimal:
        """Cash plus every open position at its last mark, at cost before the first."""
        return self.desk.cash + sum((holding.value for holding in self.held), ZERO)


async def load_portfolio(engine: AsyncEngine, account: AccountId) -> Portfolio:
    """Return the account's portfolio; raise DeskMissing without a desk."""
    query = select(
        Position.id,
        Position.token_id,
        Position.condition_id,
        HELD.label("shares"),
        func.coalesce(Position.mark_price, AVERAGE, 0).label("price"),
    ).where(Position.account == account, NOT_ENDED, HELD > 0)
    async with engine.connect() as connection:
        # cash and shares must be of the same moment: a fill moves both
        await connection.execution_options(isolation_level="REPEATABLE READ")
        desk = await desks.load(connection, account)
        rows = await connection.execute(query)
        return Portfolio(desk=desk, held=tuple(_held(row) for row in rows.mappings()))


def _held(row: Any) -> HeldShares:
    return HeldShares(
        position_id=row["id"],
        token_id=TokenId(row["token_id"]),
        condition_id=ConditionId(row["condition_id"]),
        shares=row["shares"],
        price=Decimal(row["price"]),
    )


async def held_value(connection: AsyncConnection, account: AccountId) -> Decimal:
    """Return the dollars that all open positions are carried at."""
    value = await connection.scalar(
        select(func.coalesce(func.sum(VALUE), 0)).where(Position.account == account, NOT_ENDED)
    )
    return Decimal(value or 0)
