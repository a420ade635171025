"""Orders that were written down and never signed: no venue can know them."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.money import Side
from remora.domain.orders import OrderState
from remora.storage.tables import Order


async def give_up(
    connection: AsyncConnection, position_id: str, *, why: str, side: Side | None = None
) -> list[str]:
    """End a position's unsigned orders, of one side or of both, and return their ids.

    Whoever wrote one and still means to sign it finds it refused.
    """
    unsigned = (Order.position_id == position_id, Order.state == OrderState.INTENT.value, Order.digest.is_(None))
    of_side = () if side is None else (Order.side == side.value,)
    given_up = await connection.scalars(
        update(Order)
        .where(*unsigned, *of_side)
        .values(state=OrderState.REJECTED.value, reject_code="never_sent", reject_message=why)
        .returning(Order.id)
    )
    return list(given_up)


async def give_up_sales(engine: AsyncEngine, position_id: str) -> None:
    """Give up sales that were never signed: their shares may be sold by another order."""
    async with engine.begin() as connection:
        why = "whoever meant to sell ended before it was signed"
        await give_up(connection, position_id, why=why, side=Side.SELL)
