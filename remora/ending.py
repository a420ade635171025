"""Ending a task that survives errors."""

import asyncio
from typing import Any

AGAIN_S = 1.0


async def end(task: asyncio.Task[Any], *, again_s: float = AGAIN_S) -> None:
    """Cancel a task until it has ended; what it ended with is nobody's business.

    Once is not enough: a library that is interrupted at the wrong moment answers with an error of its own, and a
    loop that survives every error goes on.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=again_s)
    if not task.cancelled():
        task.exception()
