"""Keep a loop going."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from remora.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

BACKOFF_MIN, BACKOFF_MAX = 0.1, 10.0
HEALTHY_AFTER = 60.0
"""A loop that ran this long starts over with the shortest pause."""


async def keep_running(name: str, loop: Callable[[], Awaitable[None]], metrics: Metrics) -> None:
    """Run `loop` for ever; when it fails or ends, say so loudly, pause and begin again."""
    clock = asyncio.get_running_loop()
    restarts = metrics.restarts.labels(name)
    pause = BACKOFF_MIN
    while True:
        began = clock.time()
        try:
            await loop()
            log.error("loop.ended", loop=name)
        except Exception:  # one broken message or server must not end the others' watch
            log.exception("loop.failed", loop=name)
        restarts.inc()
        if clock.time() - began >= HEALTHY_AFTER:
            pause = BACKOFF_MIN
        await asyncio.sleep(pause)
        pause = min(2 * pause, BACKOFF_MAX)
