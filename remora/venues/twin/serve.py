"""Run the exchange twin: ``python -m remora.venues.twin.serve --port P [--tape F | --season SEED | --empty]``."""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

from remora.process import run_loop, start_up_done
from remora.venues.twin.assembly import SERVICES, START, Twin, TwinOptions, assemble, endpoints
from remora.venues.twin.faults.schedule import load_schedule
from remora.venues.twin.journal.errors import StateError, StateInUse
from remora.venues.twin.journal.file import Journal
from remora.venues.twin.journal.keeping import opened, resume
from remora.venues.twin.rtds import SILENT_AFTER
from remora.venues.twin.scenario.model import Scenario
from remora.venues.twin.scenario.season import season_scenario
from remora.venues.twin.scenario.tape import TapeError
from remora.venues.twin.scenario.tape_scenario import tape_scenario
from remora.venues.twin.scenario.window import SPEED_MAX

OK, FAILED, USAGE, UNAVAILABLE = 0, 1, 2, 4
PORT_DEFAULT = 7070
PORT_MAX = 65535 - len(SERVICES) + 1
GOODBYE_SECONDS = 1
"""How long open connections may take to finish once the twin is told to stop."""

KEEP_ALIVE_SECONDS = 75
"""How long a connection may idle: closed while a client uses it again, it looks like a lost reply."""


class _Server(uvicorn.Server):
    """One of several servers in one loop: the process, not each server, hears signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return 0, 1 (failed, state), 2 (usage, tape) or 4 (port or state in use)."""
    options = _parser().parse_args(argv)
    try:
        scenario = _scenario(options)
        options.schedule = None if options.faults is None else load_schedule(options.faults)
    except (TapeError, ValueError, OverflowError) as error:  # a ScheduleError is a ValueError
        return _complain(USAGE, str(error))
    if not 0 <= options.port <= PORT_MAX:
        return _complain(USAGE, f"--port must lie in 0 to {PORT_MAX}: seven ports begin there, was {options.port}")
    try:
        sockets = bind(options.host, options.port)
    except OSError as error:
        return _complain(
            UNAVAILABLE,
            f"ports {options.port} to {options.port + len(SERVICES) - 1} on {options.host} are needed, "
            f"but one cannot be had ({error.strerror or error}); stop what listens there or pass another --port",
        )
    try:
        return run_loop(_serve(scenario, options, sockets))
    except StateError as error:
        return _complain(UNAVAILABLE if isinstance(error, StateInUse) else FAILED, str(error))
    finally:
        for bound in sockets:
            bound.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="remora twin serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=PORT_DEFAULT, help="first of seven ports; 0 picks free ones")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--tape", type=Path, help="recorded trades, Parquet")
    source.add_argument("--season", type=int, metavar="SEED", help="generated season (default: seed 1)")
    source.add_argument("--empty", action="store_true", help="no scenario: speed 1, wall time")
    parser.add_argument("--from", dest="start", type=_instant, help="start of the window, ISO, UTC")
    parser.add_argument("--to", dest="end", type=_instant, help="end of the window, ISO, UTC")
    parser.add_argument("--speed", type=float, help="venue seconds per wall second")
    parser.add_argument("--seed", type=int, default=0, help="seed of credentials")
    parser.add_argument("--data-lag", type=float, default=3.0, help="wall seconds until the Data API shows a fill")
    parser.add_argument("--rtds-lag", type=float, default=0.0, help="wall seconds until the stream shows a fill")
    parser.add_argument("--rtds-silent-after", type=float, default=SILENT_AFTER, help="wall seconds without PING")
    parser.add_argument("--auto-redeem-after", type=float, help="wall seconds after a resolution (default: never)")
    parser.add_argument("--block-time", type=float, default=2.0, help="wall seconds between blocks of the chain")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="play a schedule of faults from the start")
    parser.add_argument(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="keep everything there, and go on from it: the market does not wait (default: nothing is kept)",
    )
    parser.add_argument("--start", dest="autostart", action="store_true", help="start the replay at once")
    return parser


def _instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _scenario(options: argparse.Namespace) -> Scenario | None:
    if options.empty:
        return None
    bounds = {"start": options.start, "end": options.end, "speed": options.speed}
    if options.speed is not None and not 0 < options.speed <= SPEED_MAX:
        raise ValueError(f"--speed must be above 0 and at most {SPEED_MAX:.0f}, was {options.speed}")
    if options.tape is not None:
        return tape_scenario(options.tape, **bounds)
    return season_scenario(1 if options.season is None else options.season, **bounds)


def bind(host: str, port: int) -> list[socket.socket]:
    """Return one bound socket per service on consecutive ports; raise OSError if one is taken.

    Port 0 picks seven free consecutive ones.
    """
    if port != 0:
        return _bind_all(host, port)
    for _ in range(50):
        with socket.socket() as probe:
            probe.bind((host, 0))
            candidate = probe.getsockname()[1]
        with contextlib.suppress(OSError, OverflowError):
            return _bind_all(host, candidate)
    raise OSError("no seven free consecutive ports were found")


def _bind_all(host: str, port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for number in range(len(SERVICES)):
            # asyncio turns Nagle's algorithm off only where the protocol is named: else a reply waits 40 ms
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            bound.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port + number))
            made.listen(256)
    except (OSError, OverflowError):
        for made in bound:
            made.close()
        raise
    return bound


async def _serve(scenario: Scenario | None, options: argparse.Namespace, sockets: list[socket.socket]) -> int:
    port = sockets[0].getsockname()[1]
    chosen = _chosen(options)
    with contextlib.ExitStack() as closing:
        journal: Journal | None = None
        if options.state_dir is not None:
            journal = closing.enter_context(contextlib.closing(opened(options.state_dir, scenario, chosen)))
        born = None if journal is None else journal.origin.born
        twin = assemble(scenario, chosen, host=options.host, port=port, born=born)
        if journal is not None:
            resume(twin, journal)
        if options.autostart and not twin.clock.started:
            twin.steps.do(START, None)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if options.schedule is not None:
            twin.fault_control.play(options.schedule)
        start_up_done()
        ready = {"ready": True, **endpoints(options.host, port)}
        return await run(twin, sockets, stop, announce=json.dumps(ready))


def _chosen(options: argparse.Namespace) -> TwinOptions:
    return TwinOptions(
        seed=options.seed,
        data_lag=timedelta(seconds=options.data_lag),
        rtds_lag=timedelta(seconds=options.rtds_lag),
        rtds_silent_after=timedelta(seconds=options.rtds_silent_after),
        block_time=timedelta(seconds=options.block_time),
        auto_redeem_after=(
            None if options.auto_redeem_after is None else timedelta(seconds=options.auto_redeem_after)
        ),
    )


async def run(twin: Twin, sockets: Sequence[socket.socket], stop: asyncio.Event, *, announce: str = "") -> int:
    """Serve a twin on bound sockets until `stop` is set or the replay fails; return the exit code."""
    servers = [_Server(_config(twin, name)) for name in SERVICES]
    serving = [
        asyncio.create_task(server.serve(sockets=[bound])) for server, bound in zip(servers, sockets, strict=True)
    ]
    replay = asyncio.create_task(twin.replay.run())
    stopping = asyncio.create_task(stop.wait())
    watched = [replay, stopping]
    if twin.steps.journal is not None:
        watched.append(asyncio.create_task(twin.steps.journal.keep_synced()))
    try:
        while not all(server.started for server in servers):  # noqa: ASYNC110 (servers set flags, not events)
            await asyncio.sleep(0.01)
        if announce:
            sys.stdout.write(announce + "\n")
            sys.stdout.flush()
        await asyncio.wait([*watched, *serving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for server in servers:
            server.should_exit = True
        for task in watched:
            task.cancel()
        await asyncio.gather(*serving, *watched, return_exceptions=True)
    if twin.steps.journal is not None and twin.steps.journal.broken is not None:
        return _complain(FAILED, twin.steps.journal.broken)
    if twin.replay.failed is not None:
        return _complain(FAILED, f"the replay failed: {twin.replay.failed}")
    return OK


def _config(twin: Twin, name: str) -> uvicorn.Config:
    return uvicorn.Config(
        twin.apps[name],
        ws="websockets-sansio",
        ws_ping_interval=None,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _complain(code: int, message: str) -> int:
    sys.stderr.write(f"twin: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
