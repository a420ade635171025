"""The whole stack on the twin."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from remora.cli.main import run
from tests.fixtures.desk import Desk, running_desk
from tests.fixtures.twin import RunningTwin

Remora = Callable[..., Awaitable[int]]


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
