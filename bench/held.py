"""Positions that are held and guarded while something is measured."""

import asyncio
import time

from bench.place import Place
from remora.domain.reasons import PositionState
from remora.storage.positions import PositionRow, list_positions

PER_SECOND = 6.0
"""Whales trade this often while positions are opened: less than what the hot path can take."""

PATIENCE_S = 180.0
POSITIONS_MAX = 1_000_000


async def hold(place: Place, count: int) -> None:
    """Let whales trade until `count` positions are open and guarded."""
    while (missing := count - len(await guarded(place))) > 0:
        for _ in range(missing):
            await place.trade()
            await asyncio.sleep(1 / PER_SECOND)
        until = time.monotonic() + PATIENCE_S
        while len(await guarded(place)) < count and time.monotonic() < until:  # noqa: ASYNC110 another process's
            await asyncio.sleep(0.5)


async def guarded(place: Place) -> list[PositionRow]:
    """Return the open positions whose thresholds are armed."""
    rows = await list_positions(place.engine, place.account, limit=POSITIONS_MAX)
    return [row for row in rows if row.state is PositionState.OPEN and row.stop_price is not None]
