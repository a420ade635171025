"""Sales that were tried: when the last one was, and how often the venue refused."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.orders import OrderState, Purpose
from remora.storage.orders import FINISHED
from remora.storage.tables import Order

REFUSED_AT_ONCE: Final = 8
"""A sale gives up after about this many refusals."""

PAUSE_MIN, PAUSE_MAX = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TriedSales:
    """A position's sales so far; `unfinished` ones have no known end."""

    last_at: datetime
    refused: int
    unfinished: int = 0

    @property
    def again_at(self) -> datetime:
        """Return the wall time before which another try is not worth its events: each pause twice the last."""
        rounds = min(self.refused // REFUSED_AT_ONCE, 10)
        return self.last_at if rounds == 0 else self.last_at + min(PAUSE_MIN * 2**rounds, PAUSE_MAX)


async def newest_sales(engine: AsyncEngine, position_ids: Collection[str]) -> dict[str, TriedSales]:
    """Return the tried sales of those of the positions that have any."""
    if not position_ids:
        return {}
    query = (
        select(
            Order.position_id,
            func.max(Order.decided_at).label("last_at"),
            func.count().filter(Order.state == OrderState.REJECTED.value).label("refused"),
            func.count().filter(Order.state.not_in(FINISHED)).label("unfinished"),
        )
        .where(Order.position_id.in_(position_ids), Order.purpose == Purpose.EXIT.value)
        .group_by(Order.position_id)
    )
    async with engine.connect() as connection:
        rows = await connection.execute(query)
        return {row.position_id: TriedSales(row.last_at, row.refused, row.unfinished) for row in rows}
