"""What a process tells about itself: metrics, and the account's measures in them.

Nobody who listens is needed: trading goes on without metrics, after one warning.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from wsgiref.simple_server import WSGIServer

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from remora.domain.ids import AccountId
from remora.domain.limits import Limits
from remora.ending import end
from remora.settings import Settings
from remora.storage.measures import load_measures
from remora.telemetry.metrics import Metrics
from remora.telemetry.requests import count_requests
from remora.venues.venue import MarketData
from workers.core_log import core_logging

log = structlog.get_logger(__name__)

MEASURE_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Observed:
    """A process whose metrics can be read; `runtime` goes to Temporal's client, which measures itself."""

    metrics: Metrics
    runtime: Runtime | None = None
    server: WSGIServer | None = None
    stop_counting: Callable[[], None] | None = None

    def close(self) -> None:
        """Stop answering and counting."""
        if self.stop_counting is not None:
            self.stop_counting()
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()


def observe(metrics: Metrics, settings: Settings) -> Observed:
    """Serve `metrics` on REMORA_METRICS_PORT and Temporal's on the next port; without a port, do neither.

    What Temporal's core logs goes where our own records go. A port that cannot be had is reported once, and the
    process goes on.
    """
    port, host = settings.metrics_port, settings.metrics_host
    if port is None:
        return Observed(metrics, Runtime(telemetry=TelemetryConfig(logging=core_logging())))
    return Observed(metrics, _runtime(host, port + 1), _serve(metrics, host, port), count_requests(metrics))


def _serve(metrics: Metrics, host: str, port: int) -> WSGIServer | None:
    try:
        return metrics.serve(port, host)[0]
    except OSError as error:
        log.warning("metrics.unavailable", port=port, cause=str(error))
        return None


def _runtime(host: str, port: int) -> Runtime:
    try:
        config = PrometheusConfig(
            bind_address=f"{host}:{port}",
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
        return Runtime(telemetry=TelemetryConfig(logging=core_logging(), metrics=config))
    except (RuntimeError, ValueError) as error:
        log.warning("temporal_metrics.unavailable", port=port, cause=str(error))
        return Runtime(telemetry=TelemetryConfig(logging=core_logging()))


@contextlib.asynccontextmanager
async def measuring(
    metrics: Metrics,
    engine: AsyncEngine,
    account: AccountId,
    *,
    limits: Limits,
    venue: MarketData,
    now: Callable[[], datetime],
) -> AsyncIterator[None]:
    """Read the account's measures every few seconds while the block runs."""

    async def measure() -> None:
        clock = await venue.clock()
        at = now()
        found = await load_measures(engine, account, now=at, now_venue=clock.venue_time(at))
        metrics.portfolio.show(found, limits, now=at)

    async def keep_measuring() -> None:
        failing = False
        while True:
            try:
                await measure()
                failing = False
            except Exception as error:  # noqa: BLE001 whatever is down, trading goes on
                if not failing:
                    log.warning("measures.unavailable", cause=f"{type(error).__name__}: {error}")
                failing = True
            await asyncio.sleep(MEASURE_EVERY.total_seconds())

    task = asyncio.create_task(keep_measuring(), name="measure")
    try:
        yield
    finally:
        await end(task)
