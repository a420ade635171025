"""How late an account was, measured on itself: from a whale's fill to sight, and from sight to the exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, extract, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.orders import Purpose
from remora.storage.detection_tables import TradeSighting
from remora.storage.tables import Order

STEPS = 40
SHARES = tuple(step / STEPS for step in range(STEPS + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Quantiles at even steps from 0 to 1, in seconds, and how many samples they stand for."""

    detection_s: Sequence[float]
    detections: int
    order_s: Sequence[float]
    orders: int


async def measured_latencies(engine: AsyncEngine, account: AccountId) -> Latencies:
    """Return what was measured so far.

    A detection is the first source's sight of a trade; an order's way ends with the exchange's reply, so that it
    was there no later.
    """
    lag = func.greatest(TradeSighting.lag_ms, 0) / 1000.0
    seen = _quantiles(lag).where(TradeSighting.behind_ms.is_(None))
    way = func.greatest(extract("epoch", Order.acked_at - Order.seen_at), 0)
    sent = _quantiles(way).where(
        Order.account == account,
        Order.purpose == Purpose.ENTRY.value,
        Order.seen_at.is_not(None),
        Order.acked_at.is_not(None),
    )
    async with engine.connect() as connection:
        detection, detections = (await connection.execute(seen)).one()
        order, orders = (await connection.execute(sent)).one()
    return Latencies(
        detection_s=tuple(map(float, detection or ())),
        detections=int(detections),
        order_s=tuple(map(float, order or ())),
        orders=int(orders),
    )


def _quantiles(seconds: ColumnElement[Any]) -> Select[Any]:
    shares = literal(SHARES, ARRAY(Float))
    return select(func.percentile_cont(shares).within_group(seconds), func.count(seconds))
