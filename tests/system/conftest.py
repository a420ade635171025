"""The whole stack on the twin."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from remora.cli.main import run
from tests.fixtures.desk import Desk, running_desk
from tests.fixtures.twin import OUR_KEY, RunningTwin
from tests.fixtures.waiting import eventually

Remora = Callable[..., Awaitable[int]]
WorkerProcess = Callable[[], AbstractAsyncContextManager[asyncio.subprocess.Process]]


@pytest.fixture
async def desk(temporal_client: Client, engine: AsyncEngine, twin: RunningTwin) -> AsyncIterator[Desk]:
    """Give a desk whose worker does not run yet."""
    async with running_desk(temporal_client, engine, twin) as made:
        yield made


@pytest.fixture
def remora(temporal_client: Client, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Remora:
    """Give the command line on this test's servers: it runs in a thread, as the process would."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_client.service_client.config.target_host)

    async def command(*arguments: str) -> int:
        return await asyncio.to_thread(run, list(arguments))

    return command


@pytest.fixture
def worker_process(
    desk: Desk, temporal_client: Client, postgres_url: str, twin: RunningTwin, tmp_path: Path
) -> WorkerProcess:
    """Give the trading worker as a process of its own, which is killed when its block ends."""
    env = {
        **os.environ,
        "DATABASE_URL": postgres_url,
        "TEMPORAL_ADDRESS": temporal_client.service_client.config.target_host,
        "REMORA_TWIN_URL": twin.urls["control_url"],
        "PRIVATE_KEY": OUR_KEY,
        "REMORA_VOLUME_24H_MIN_USD": "0",
        "REMORA_SPREAD_MAX": "1",
    }

    @asynccontextmanager
    async def started() -> AsyncIterator[asyncio.subprocess.Process]:
        ready = tmp_path / "ready"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers.trading", "--ready-file", str(ready)),
            env=env,
            stderr=asyncio.subprocess.DEVNULL,
        )

        async def polls() -> bool:
            return ready.exists()

        try:
            await eventually(polls, "the worker to poll")
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            ready.unlink(missing_ok=True)

    return started
