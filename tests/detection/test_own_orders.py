"""News of our own orders reach a position only if nobody has written them down."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.lanes import Lanes
from remora.detection.outlet import OrderChange, Outlet
from remora.detection.own_orders import OwnOrders
from remora.detection.pace import Pace
from remora.detection.venue_time import VenueTime
from remora.domain.ids import OrderDigest
from remora.domain.orders import Fill, FillStatus, OrderState
from remora.storage import fills, orders
from remora.telemetry.metrics import Metrics
from remora.venues.venue import FillUpdate, MarketData, OrderUnmatched, Trading
from tests.storage.test_risk import NOW, ask, filled, prepared


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


class Told:
    """An outlet that remembers what it was told about orders."""

    def __init__(self) -> None:
        self.changes: list[OrderChange] = []

    async def order_changed(self, change: OrderChange) -> None:
        """Remember a change."""
        self.changes.append(change)


async def told(engine: AsyncEngine, updates: Sequence[Fill | OrderUnmatched]) -> list[OrderChange]:
    """Take updates in, wait for the grace to end and everything to be delivered; return what was handed over."""
    lanes, outlet = Lanes(Pace(), Metrics(CollectorRegistry())), Told()
    watched = OwnOrders(
        cast("Trading", None),
        engine,
        outlet=cast("Outlet", outlet),
        lanes=lanes,
        time=VenueTime(cast("MarketData", None), now),
        grace=0.01,
    )
    for update in updates:
        if isinstance(update, OrderUnmatched):
            watched.take_unmatched(update)
        else:
            watched.take(FillUpdate(fill=update, seen_at=now()))
    while watched.waiting or lanes.waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return outlet.changes


async def test_what_the_books_know_is_not_told_and_the_rest_is_told_once(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    matched = await filled(engine, record)
    confirmed = replace(matched, status=FillStatus.CONFIRMED)

    assert len(await told(engine, [matched, matched])) == 1

    await fills.record_fills(engine, record.order_id, [matched], now=NOW)

    assert await told(engine, [matched]) == []
    assert [c.digest for c in await told(engine, [matched, confirmed])] == [confirmed.order_digest]

    await fills.record_fills(engine, record.order_id, [confirmed], now=NOW)

    assert await told(engine, [matched, confirmed]) == []
    assert await told(engine, [replace(matched, status=FillStatus.MINED)]) == []


async def test_an_order_that_ended_without_a_match_is_written_down_and_told_until_it_has_ended_here(
    engine: AsyncEngine,
) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    digest = (await filled(engine, record)).order_digest
    ended = OrderUnmatched(digest=digest, status="UNMATCHED", seen_at=now())
    stranger = replace(ended, digest=OrderDigest("0xsomebody-elses"))

    assert [change.digest for change in await told(engine, [ended, stranger, ended])] == [digest]
    assert await orders.told_unmatched(engine, record.order_id) == "UNMATCHED"
    assert len(await told(engine, [ended])) == 1  # the position has not taken it in, whoever was told before

    await orders.mark_sending(engine, record.order_id, now=NOW)

    # which of two sendings a word is about, nobody knows
    assert await orders.told_unmatched(engine, record.order_id) is None
    assert await told(engine, [ended]) == []

    await orders.set_order_state(engine, record.order_id, OrderState.REJECTED, now=NOW, code="unmatched")

    assert await told(engine, [ended]) == []


async def test_a_second_look_that_shows_nothing_new_does_not_wait_for_the_desk(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    fill = await filled(engine, record)
    first = await fills.record_fills(engine, record.order_id, [fill], now=NOW)

    async with engine.begin() as connection:
        await connection.exec_driver_sql("SELECT 1 FROM desks FOR UPDATE")

        assert await fills.record_fills(engine, record.order_id, [fill], now=NOW) == first
