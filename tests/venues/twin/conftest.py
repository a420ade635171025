"""A twin in this process, on real sockets, and the official client pointed at it."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from polymarket import AsyncPublicClient, Environment
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment

from remora.venues.twin.assembly import Twin, TwinOptions, assemble, endpoints
from remora.venues.twin.scenario.model import Scenario
from remora.venues.twin.serve import bind, run

IMMEDIATE = TwinOptions(data_lag=timedelta(0), mined_after=timedelta(0), confirmed_after=timedelta(0))


@dataclass(frozen=True, slots=True)
class RunningTwin:
    """A served twin with its addresses."""

    twin: Twin
    urls: dict[str, Any]
    control: httpx.AsyncClient

    def environment(self) -> Environment:
        """Return the official client's environment with this twin's addresses."""
        config = dataclasses.replace(
            PRODUCTION_CONFIG,
            clob_url=self.urls["clob_url"],
            gamma_url=self.urls["gamma_url"],
            data_url=self.urls["data_url"],
            relayer_url=self.urls["relayer_url"],
            clob_market_ws_url=self.urls["market_ws_url"],
            clob_user_ws_url=self.urls["user_ws_url"],
            rtds_ws_url=self.urls["rtds_ws_url"],
        )
        return create_environment(name="twin", config=config)

    def client(self) -> AsyncPublicClient:
        """Return the official public client for this twin."""
        return AsyncPublicClient(environment=self.environment())

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send a control request that must succeed."""
        answer = await self.control.post(path, json=body)
        assert answer.status_code == 200, answer.text
        out: dict[str, Any] = answer.json()
        return out

    async def get(self, path: str) -> dict[str, Any]:
        """Read the control API."""
        answer = await self.control.get(path)
        assert answer.status_code == 200, answer.text
        out: dict[str, Any] = answer.json()
        return out


Serve = Callable[..., AbstractAsyncContextManager[RunningTwin]]


@asynccontextmanager
async def _serving(
    scenario: Scenario | None = None, options: TwinOptions = IMMEDIATE
) -> AsyncIterator[RunningTwin]:
    sockets = bind("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    twin = assemble(scenario, options, host="127.0.0.1", port=port)
    stop = asyncio.Event()
    serving = asyncio.create_task(run(twin, sockets, stop))
    urls = endpoints("127.0.0.1", port)
    try:
        async with httpx.AsyncClient(base_url=urls["control_url"], trust_env=False) as control:
            yield RunningTwin(twin, urls, control)
    finally:
        stop.set()
        assert await serving == 0


@pytest.fixture
def serve_twin(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Return a context manager that serves a scenario, or an empty twin."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return _serving


@pytest.fixture
async def empty_twin(serve_twin: Serve) -> AsyncIterator[RunningTwin]:
    """Serve a twin without a scenario; feeds have no lag."""
    async with serve_twin() as running:
        yield running
