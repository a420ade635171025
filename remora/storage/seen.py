"""What the watchers have seen before: the memory that survives their restarts."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.storage.tables import ConsumedTrade, Decision


async def consumed_keys(engine: AsyncEngine, account: AccountId, keys: Collection[str]) -> set[str]:
    """Return those of `keys` about which something was decided already."""
    if not keys:
        return set()
    async with engine.connect() as connection:
        rows = await connection.scalars(
            select(ConsumedTrade.trade_key).where(
                ConsumedTrade.account == account, ConsumedTrade.trade_key.in_(list(keys))
            )
        )
        return set(rows)


async def last_seen(engine: AsyncEngine, account: AccountId) -> datetime | None:
    """Return the wall-clock time of the newest trade that led to a decision, None before the first."""
    async with engine.connect() as connection:
        found = await connection.scalar(select(func.max(Decision.seen_at)).where(Decision.account == account))
        return found if isinstance(found, datetime) else None
