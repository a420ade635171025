"""The process that scores: its activities run in a pool of processes, one for each processor."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.worker import Worker

from activities.backtests import BacktestActivities
from activities.scoring import ScoringActivities, ScoringTools
from remora.settings import Mode, Settings, SettingsError, load_settings
from remora.storage.engine import create_engine
from remora.telemetry.tracing import start_tracing
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.history import PublicHistory
from remora.venues.polymarket.pacing import Pacing
from remora.venues.polymarket.public import venue_clock
from schemas.rescore import RESEARCH_QUEUE
from starters.client import connect
from starters.rescore import ensure_rescoring
from starters.roster import scoring_params, seat_rules
from workers.process_pool import ProcessPool
from workers.servers import UNAVAILABLE, ServerAway, StoppedBefore, answered
from workers.venues import endpoints_of
from workflows.backtest import BacktestWorkflow
from workflows.rescore import RescoreWorkflow

REQUESTS_PER_SECOND = 15.0
GRACE = timedelta(seconds=5)
"""A shard that is cut off is scored again: there is nothing to wait for."""


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


def research_worker(client: Client, tools: ScoringTools, *, at_once: int) -> Worker:
    """Return the worker; it takes no more shards than it has processes for."""
    scoring = ScoringActivities(tools)
    return Worker(
        client,
        task_queue=RESEARCH_QUEUE,
        workflows=[RescoreWorkflow, BacktestWorkflow],
        activities=[
            scoring.refresh,
            scoring.plan,
            scoring.score,
            scoring.learn,
            scoring.publish,
            BacktestActivities(tools.pool).replay_points,
        ],
        max_concurrent_activities=at_once,
        graceful_shutdown_timeout=GRACE,
    )


def scoring_tools(settings: Settings, engine: AsyncEngine, endpoints: Endpoints, pool: Executor) -> ScoringTools:
    """Return what scoring needs, as the settings say; raise SettingsError without a store."""
    if settings.research_dir is None:
        raise SettingsError("REMORA_RESEARCH_DIR: expected a directory, found nothing; set it, or use remora up")

    async def now() -> datetime:
        return (await venue_clock(endpoints, utc_now)).venue_time(utc_now())

    @asynccontextmanager
    async def source() -> AsyncIterator[PublicHistory]:
        async with PublicHistory(endpoints, pacing=Pacing(REQUESTS_PER_SECOND, clock=time.monotonic)) as history:
            yield history

    return ScoringTools(
        engine=engine,
        root=settings.research_dir,
        pool=pool,
        params=scoring_params(settings),
        rules=seat_rules(settings),
        wall=utc_now,
        now=now,
        source=source,
        roster_age_max=settings.limits().roster_age_max,
        paper_books=(Mode.TWIN if settings.mode is Mode.TWIN else Mode.PAPER).value,
    )


async def serve(settings: Settings, stop: asyncio.Event, *, count: int) -> None:
    """Run until `stop`; raise SettingsError when an address is missing."""
    if settings.database_url is None or settings.temporal_address is None:
        raise SettingsError(
            "DATABASE_URL and TEMPORAL_ADDRESS: expected both, found some missing; "
            "set them, or let remora up do it"
        )
    tracing = start_tracing("research")
    engine = create_engine(settings.database_url)
    pool = ProcessPool(count)
    try:
        address, namespace = settings.temporal_address, settings.temporal_namespace
        connecting = partial(connect, address, namespace=namespace, interceptors=tracing.interceptors())
        client = await answered(f"Temporal at {address}", connecting, stop=stop)
        endpoints = await answered("the venue", lambda: endpoints_of(settings), stop=stop)
        tools = scoring_tools(settings, engine, endpoints, pool)
        async with research_worker(client, tools, at_once=count):
            ensuring = partial(ensure_rescoring, client, pull=True)
            await answered("Temporal, for the rescoring", ensuring, stop=stop)
            await stop.wait()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        await engine.dispose()
        tracing.shutdown()


async def _main(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with contextlib.suppress(StoppedBefore):
        await serve(load_settings(), stop, count=arguments.processes)


def main() -> None:
    """Run the process until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="shards scored at once")
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(_main(parser.parse_args()))
        except SettingsError as error:
            raise SystemExit(str(error)) from None
        except ServerAway as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(UNAVAILABLE) from None


if __name__ == "__main__":
    main()
