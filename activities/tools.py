"""What every activity is built with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from opentelemetry import trace
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from remora.domain.limits import Limits
from remora.telemetry.metrics import Metrics
from remora.venues.venue import Venue

HEARTBEAT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an order's fate and a book's return are waited for, in wall time."""

    look_pause: timedelta = timedelta(milliseconds=250)
    looks: int = 24
    resend_after: int = 6
    sends_max: int = 3
    settle_max: timedelta = timedelta(minutes=5)
    settle_pause_max: timedelta = timedelta(seconds=1)
    sale_rounds: int = 8
    sale_pause: timedelta = timedelta(milliseconds=500)
    mode_pause: timedelta = timedelta(seconds=3)
    mode_max: timedelta = timedelta(minutes=10)
    in_flight: timedelta = timedelta(seconds=3)
    """Longest wait of a stop for the venue's answers to entries sent before it; no new one is sent meanwhile."""

    @property
    def quiet_looks(self) -> int:
        """Looks in a row that show the same fills before no further one is expected: lists of trades may lag."""
        return max(2, self.resend_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Venue, books, policy and clock of one account; `metrics` and `tracer` where somebody looks."""

    venue: Venue
    engine: AsyncEngine
    limits: Limits
    wall: Callable[[], datetime]
    patience: Patience = Patience()
    metrics: Metrics | None = None
    tracer: trace.Tracer = field(default_factory=trace.NoOpTracer)


@contextlib.asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Tell the server every second that this activity lives."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_EVERY_S)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
