"""Positions that are held and guarded while something is measured."""

import asyncio
import time

from bench.place import Place
from remora.domain.reasons import PositionState
from remora.storage.positions import PositionRow, list_positions

AT_ONCE = 20
PATIENCE_S = 60.0
POSITIONS_MAX = 1_000_000


async def hold(place: Place, count: int) -> None:
    """Let whales trade until `count` positions are open and guarded, never more at once than are taken in time."""
    while (held := len(await guarded(place))) < count:
        for _ in range(min(AT_ONCE, count - held)):
            await place.trade()
        wanted, until = min(held + AT_ONCE, count), time.monotonic() + PATIENCE_S
        while len(await guarded(place)) < wanted and time.monotonic() < until:  # noqa: ASYNC110 another process's
            await asyncio.sleep(0.2)


async def guarded(place: Place) -> list[PositionRow]:
    """Return the open positions whose thresholds are armed."""
    rows = await list_positions(place.engine, place.account, limit=POSITIONS_MAX)
    return [row for row in rows if row.state is PositionState.OPEN and row.stop_price is not None]
