"""A live account's region and standing, asked before the first order and every few minutes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.ending import end
from remora.storage.live import write_access
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import Venue, VenueError

log = structlog.get_logger(__name__)

CHECK_EVERY = timedelta(minutes=5)
RETRY_AFTER = timedelta(seconds=20)


async def check_access(venue: PolymarketVenue, engine: AsyncEngine, *, now: datetime) -> bool:
    """Ask once and write the answer; False when there was none: entries stop once the last answer is old."""
    try:
        found = await venue.access()
    except VenueError as error:
        log.warning("access.unknown", cause=str(error))
        return False
    await write_access(engine, venue.account, found, now=now)
    if found.geoblocked or found.closed_only:
        log.warning(
            "access.refused", country=found.country, geoblocked=found.geoblocked, closed_only=found.closed_only
        )
    return True


async def keep_checking(venue: PolymarketVenue, engine: AsyncEngine, *, now: Callable[[], datetime]) -> None:
    """Ask again and again, the first time after a while."""
    pause = CHECK_EVERY
    while True:
        await asyncio.sleep(pause.total_seconds())
        try:
            answered = await check_access(venue, engine, now=now())
        except Exception:  # the database may be away for a moment: who stopped asking would stop all entries
            log.exception("access.unwritten")
            answered = False
        pause = CHECK_EVERY if answered else RETRY_AFTER


@contextlib.asynccontextmanager
async def access_checked(venue: Venue, engine: AsyncEngine, *, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """Check before the block and keep checking within it; a venue without real money has nothing to check."""
    if not isinstance(venue, PolymarketVenue):
        yield
        return
    await check_access(venue, engine, now=now())
    checking = asyncio.create_task(keep_checking(venue, engine, now=now))
    try:
        yield
    finally:
        await end(checking)
