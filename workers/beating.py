"""Heartbeats: while an order of ours rests, the venue hears from us, and cancels it once it does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.ending import end
from remora.storage.orders import any_rests
from remora.venues.venue import Trading

log = structlog.get_logger(__name__)

BEAT_EVERY = timedelta(seconds=5)
"""Half of the silence after which the venue cancels."""


@contextlib.asynccontextmanager
async def beating(trading: Trading, engine: AsyncEngine, *, every: timedelta = BEAT_EVERY) -> AsyncIterator[None]:
    """Send heartbeats while the block lasts and an order rests; without one, none arms the venue's switch."""
    task = asyncio.create_task(_beat(trading, engine, every), name="heartbeats")
    try:
        yield
    finally:
        await end(task)


async def _beat(trading: Trading, engine: AsyncEngine, every: timedelta) -> None:
    while True:
        try:
            if await any_rests(engine, trading.account):
                await trading.beat()
        except Exception as error:  # noqa: BLE001 whatever is down, the next beat is tried
            log.warning("heartbeat.unsent", cause=str(error))
        await asyncio.sleep(every.total_seconds())
