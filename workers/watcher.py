"""The watcher: composition root of the process that holds the streams."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial

from opentelemetry import trace
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from remora.detection.entry_traces import EntryTraces
from remora.detection.watch import Watch
from remora.process import run_loop, start_up_done
from remora.settings import Settings, SettingsError, load_settings
from remora.storage.engine import create_engine
from remora.telemetry.logs import configure_logging
from remora.telemetry.metrics import Metrics, process_metrics
from remora.telemetry.tracing import SCOPE, start_tracing
from remora.venues.venue import Venue
from starters.client import connect
from workers.observing import observe
from workers.servers import UNAVAILABLE, ServerAway, StoppedBefore, answered
from workers.temporal_outlet import TemporalOutlet
from workers.venues import open_venue


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


async def run(
    client: Client,
    venue: Venue,
    engine: AsyncEngine,
    settings: Settings,
    stop: asyncio.Event,
    *,
    metrics: Metrics | None = None,
    tracer: trace.Tracer | None = None,
    prepares: bool = False,
) -> None:
    """Watch until `stop` is set; in a process that polls the trading queue, positions start eagerly.

    `prepares` says that this very `venue` makes the orders too.
    """
    traces = EntryTraces()
    outlet = TemporalOutlet(
        client,
        venue.account,
        mode=settings.mode.value,
        tracer=tracer or trace.get_tracer(SCOPE),
        entered_in=traces.of,
    )
    watch = Watch(
        venue,
        engine,
        outlet,
        limits=settings.limits(),
        metrics=metrics or process_metrics(),
        now=utc_now,
        prepares=prepares,
        entry_traces=traces,
    )
    await watch.run(stop)


def _required(name: str, value: str | None) -> str:
    if not value:
        raise SettingsError(f"{name}: expected for a watcher of its own, found nothing; set it, or use remora up")
    return value


async def main() -> int:
    """Run a watcher on its own until told to stop; 2 when a setting is missing, 4 when a server stays away."""
    configure_logging(as_json=not sys.stderr.isatty())
    try:
        settings = load_settings()
        database = _required("DATABASE_URL", settings.database_url)
        temporal = _required("TEMPORAL_ADDRESS", settings.temporal_address)
        tracing = start_tracing("remora-watcher")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logging(as_json=not sys.stderr.isatty(), secrets=settings.secrets())
    tracing.instrument_httpx()
    observed = observe(process_metrics(), settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = create_engine(database)
    connecting = partial(
        connect,
        temporal,
        namespace=settings.temporal_namespace,
        interceptors=tracing.interceptors(),
        runtime=observed.runtime,
    )
    try:
        client = await answered(f"Temporal at {temporal}", connecting, stop=stop)
        venue = await answered("the venue", lambda: open_venue(settings, engine), stop=stop)
    except StoppedBefore:
        return 0
    except (SettingsError, ServerAway) as error:
        sys.stderr.write(f"{error}\n")
        return UNAVAILABLE if isinstance(error, ServerAway) else 2
    start_up_done()
    try:
        await run(client, venue, engine, settings, stop, metrics=observed.metrics, tracer=tracing.tracer)
    finally:
        await venue.close()
        await engine.dispose()
        tracing.shutdown()
        observed.close()
    return 0


if __name__ == "__main__":
    code = run_loop(main())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the SDK's threads can abort an orderly interpreter exit
