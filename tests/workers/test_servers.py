"""Processes that start while a server is down: they wait and say so, give up in the end, and stop when told."""

import asyncio
import io
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from remora.embedded.ports import choose
from remora.embedded.services import TWIN_CONTROL, TWIN_PORTS
from remora.settings import SettingsError, load_settings
from remora.storage.engine import create_engine
from remora.telemetry.logs import configure_logging
from remora.venues.polymarket.endpoints import Endpoints
from starters.client import connect
from tests.fixtures.ports import free_port
from tests.fixtures.twin import OUR_KEY, served
from tests.fixtures.waiting import eventually
from workers.servers import ServerAway, StoppedBefore, answered
from workers.trading import serve

MOMENT = timedelta(milliseconds=300)


async def _temporal(port: int) -> object:
    return await connect(f"127.0.0.1:{port}")


async def _twin(port: int) -> object:
    return await Endpoints.from_twin(f"http://127.0.0.1:{port}")


async def _database(port: int) -> object:
    engine = create_engine(f"postgresql://nobody@127.0.0.1:{port}/nothing")
    try:
        async with engine.connect():
            return None
    finally:
        await engine.dispose()


@pytest.mark.parametrize("ask", [_temporal, _twin, _database])
async def test_a_dead_server_is_waited_for_and_named_in_the_end(ask: Callable[[int], Awaitable[object]]) -> None:
    port = free_port()
    with pytest.raises(ServerAway, match=r"the server of the test: expected an answer within 0 s, found \w+: "):
        await answered("the server of the test", lambda: ask(port), stop=asyncio.Event(), patience=MOMENT)


async def test_what_waiting_does_not_help_is_raised_at_once() -> None:
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        raise SettingsError("PRIVATE_KEY: expected one")

    with pytest.raises(SettingsError):
        await answered("the venue", ask, stop=asyncio.Event())
    assert asked == 1


async def test_whoever_waits_stops_when_told() -> None:
    stop, port = asyncio.Event(), free_port()
    waiting = asyncio.create_task(answered("Temporal", lambda: _temporal(port), stop=stop))
    stop.set()
    with pytest.raises(StoppedBefore):
        await waiting


@pytest.mark.system
@pytest.mark.timeout(180)
async def test_a_worker_that_starts_before_the_exchange_begins_once_it_is_there(
    temporal_client: Client, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = choose([], count=TWIN_PORTS)
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_client.service_client.config.target_host)
    monkeypatch.setenv("REMORA_TWIN_URL", f"http://127.0.0.1:{first + TWIN_CONTROL}")
    monkeypatch.setenv("PRIVATE_KEY", OUR_KEY)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    logs, stop, ready = io.StringIO(), asyncio.Event(), tmp_path / "ready"
    configure_logging(as_json=True, stream=logs)

    async def waits() -> bool:
        return "start.waiting" in logs.getvalue()

    async def begun() -> bool:
        return await asyncio.to_thread(ready.exists)

    worker = asyncio.create_task(serve(load_settings(None), stop, ready_file=ready, with_watcher=False))
    await eventually(waits, "the worker to say that it waits")
    assert not worker.done()
    async with served(port=first):
        await eventually(begun, "the worker to begin")
        stop.set()
        await worker


@pytest.mark.system
@pytest.mark.timeout(180)
async def test_a_watcher_that_waits_ends_well_when_told(tmp_path: Path) -> None:
    log = tmp_path / "watcher.log"
    env = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1/nothing",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "PYTHONDONTWRITEBYTECODE": "",
    }

    async def waits() -> bool:
        return "start.waiting" in await asyncio.to_thread(log.read_text)

    with log.open("wb") as output:
        watcher = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers.watcher"), env=os.environ | env, stdout=output, stderr=output
        )
    try:
        await eventually(waits, "the watcher to say that it waits", patience_s=150)
    finally:
        watcher.send_signal(signal.SIGTERM)
    assert await watcher.wait() == 0
