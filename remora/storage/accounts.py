"""Which accounts have a desk."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.storage.tables import Desk


async def accounts(engine: AsyncEngine) -> list[AccountId]:
    """Return every account with a desk, in order."""
    async with engine.connect() as connection:
        return [AccountId(name) for name in await connection.scalars(select(Desk.account).order_by(Desk.account))]
