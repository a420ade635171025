"""The hot path's process: workflows and their activities on one queue."""

import argparse
import asyncio
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.desk import DeskActivities
from activities.entry import EntryActivities
from activities.orders import OrderActivities
from activities.positions import PositionActivities
from activities.reconcile import ReconcileActivities
from activities.tools import Tools
from remora import __version__
from remora.process import run_loop, start_up_done
from remora.settings import Settings, SettingsError, load_settings
from remora.storage.desk import ensure_desk as ensure_desk_row
from remora.storage.engine import create_engine
from remora.telemetry.logs import REDACTOR, configure_logging
from remora.telemetry.metrics import process_metrics
from remora.telemetry.tracing import start_tracing
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import Venue
from schemas.search_attributes import DESK_QUEUE, TRADING_QUEUE
from starters.client import connect
from starters.desk import ensure_desk
from starters.reconcile import ensure_schedule
from workers.alerting import alerting
from workers.beating import beating
from workers.live_access import access_checked
from workers.observing import measuring, observe
from workers.servers import UNAVAILABLE, ServerAway, StoppedBefore, answered
from workers.venues import books_mode, open_venue
from workflows.desk import DeskWorkflow
from workflows.position import PositionWorkflow
from workflows.reconcile import ReconcileWorkflow

STICKY = timedelta(seconds=2)
"""A killed worker's workflows move to another after this long."""

OURS = SandboxRestrictions.default.with_passthrough_modules("workflows", "activities", "schemas", "remora")
"""Our modules are not imported again for each workflow, a third of the worker's time per copied trade; that they
are deterministic is held by the tests, which replay every history in the strict sandbox."""

ACTIVITIES_MAX = 1000
"""Following an order to its settlement takes minutes and hardly any work: no sale may wait behind it."""

DESKS_MAX = 10
"""One account has one desk; a worker looks after those of a few."""

GRACE = timedelta(seconds=30)
"""Running activities may finish within this long after SIGTERM."""


def activities_of(tools: Tools) -> Sequence[Any]:
    """Return every activity of the hot path, built with its dependencies."""
    entry, orders, held = EntryActivities(tools), OrderActivities(tools), PositionActivities(tools)
    return [
        entry.enter,
        orders.follow_orders,
        orders.settle_orders,
        orders.sell,
        orders.settle_by_hand,
        held.adopt,
        held.arm_exits,
        held.confirm_crossing,
        held.weigh_sale,
        held.look_at_market,
        held.redeem,
        held.write_state,
        ReconcileActivities(tools).compare,
    ]


def desk_activities_of(tools: Tools) -> Sequence[Any]:
    """Return every activity of the desk, built with its dependencies."""
    desk = DeskActivities(tools)
    return [desk.load_state, desk.turn, desk.restart_desk, desk.assess, desk.tell_reductions]


@contextlib.asynccontextmanager
async def trading_worker(client: Client, tools: Tools) -> AsyncIterator[None]:
    """Run the hot path's worker and, with a queue and slots of its own, the desk's while the block lasts."""
    runner = SandboxedWorkflowRunner(restrictions=OURS)
    # without a name of its own the SDK hashes the code of every module there is: seconds at each start
    build_id = f"remora {__version__}"
    desk = Worker(
        client,
        task_queue=DESK_QUEUE,
        workflows=[DeskWorkflow],
        activities=desk_activities_of(tools),
        workflow_runner=runner,
        max_cached_workflows=DESKS_MAX,
        max_concurrent_workflow_tasks=DESKS_MAX,
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=GRACE,
        build_id=build_id,
    )
    positions = Worker(
        client,
        task_queue=TRADING_QUEUE,
        # a desk that was started before it had a queue of its own goes on here
        workflows=[PositionWorkflow, ReconcileWorkflow, DeskWorkflow],
        activities=[*activities_of(tools), *desk_activities_of(tools)],
        workflow_runner=runner,
        max_cached_workflows=1000,
        max_concurrent_activities=ACTIVITIES_MAX,
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=GRACE,
        build_id=build_id,
    )
    async with desk, positions:
        yield


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


async def serve(settings: Settings, stop: asyncio.Event, *, ready_file: Path | None, with_watcher: bool) -> None:
    """Run until `stop`; raise SettingsError when an address or a key is missing, ServerAway for a dead server."""
    database, address = settings.database_url, settings.temporal_address
    if database is None or address is None:
        raise SettingsError(
            "DATABASE_URL and TEMPORAL_ADDRESS: expected both, found some missing; "
            "set them, or let remora up do it"
        )
    tracing = start_tracing("remora-trading")
    tracing.instrument_httpx()
    observed = observe(process_metrics(), settings)
    engine = create_engine(database)
    connecting = partial(
        connect,
        address,
        namespace=settings.temporal_namespace,
        interceptors=tracing.interceptors(),
        runtime=observed.runtime,
    )
    client = await answered(f"Temporal at {address}", connecting, stop=stop)
    venue = await answered("the venue", lambda: open_venue(settings, engine), stop=stop)
    if isinstance(venue, PolymarketVenue):
        REDACTOR.hide(venue.secrets())
    try:
        await answered("the account's books", lambda: _open_desk(engine, venue, settings), stop=stop)
        metrics, limits = observed.metrics, settings.limits()
        tools = Tools(
            venue=venue, engine=engine, limits=limits, wall=utc_now, metrics=metrics, tracer=tracing.tracer
        )
        async with (
            access_checked(venue, engine, now=utc_now),
            trading_worker(client, tools),
            beating(venue, engine),
            alerting(engine, venue.account, settings, now=utc_now),
            measuring(metrics, engine, venue.account, limits=limits, venue=venue, now=utc_now),
        ):
            await answered("Temporal, for the desk", lambda: _start_desk(client, venue, settings), stop=stop)
            start_up_done()
            if ready_file is not None:
                await asyncio.to_thread(ready_file.write_text, f"{os.getpid()}\n")
            if with_watcher:
                watcher = importlib.import_module("workers.watcher")
                await watcher.run(client, venue, engine, settings, stop, prepares=True)
            await stop.wait()
    finally:
        await venue.close()
        await engine.dispose()
        tracing.shutdown()
        observed.close()


async def _open_desk(engine: AsyncEngine, venue: Venue, settings: Settings) -> None:
    now = utc_now()
    desk = await ensure_desk_row(
        engine,
        venue.account,
        venue_mode=books_mode(settings),
        cash=await venue.cash(),
        now=now,
        now_venue=(await venue.clock()).venue_time(now),
        day_zone=settings.day_zone,
    )
    if desk.venue_mode != books_mode(settings):
        raise SettingsError(
            f"REMORA_MODE: expected {desk.venue_mode}, the mode in which account {venue.account} has its books, "
            f"found {books_mode(settings)}; use that mode, another wallet, or another database"
        )


async def _start_desk(client: Client, venue: Venue, settings: Settings) -> None:
    await ensure_desk(client, venue.account, mode=settings.mode.value)
    await ensure_schedule(client, venue.account, mode=settings.mode.value)


async def _main(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = load_settings()
    configure_logging(as_json=not sys.stderr.isatty(), secrets=settings.secrets())
    with contextlib.suppress(StoppedBefore):
        await serve(settings, stop, ready_file=arguments.ready_file, with_watcher=arguments.with_watcher)


def main() -> None:
    """Run the process until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with-watcher", action="store_true", help="hold the streams in this process too")
    parser.add_argument("--ready-file", type=Path, help="written once the worker polls")
    arguments = parser.parse_args()
    try:
        run_loop(_main(arguments))
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    except ServerAway as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(UNAVAILABLE) from None
    finally:
        if arguments.ready_file is not None:
            with contextlib.suppress(FileNotFoundError):
                arguments.ready_file.unlink()


if __name__ == "__main__":
    main()
