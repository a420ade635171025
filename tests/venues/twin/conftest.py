"""A twin in this process, on real sockets, and the official client pointed at it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from remora.venues.twin.assembly import TwinOptions
from tests.fixtures.twin import RunningTwin, served

__all__ = ["IMMEDIATE", "RunningTwin", "Serve", "empty_twin", "serve_twin"]

IMMEDIATE = TwinOptions(data_lag=timedelta(0), mined_after=timedelta(0), confirmed_after=timedelta(0))

Serve = Callable[..., AbstractAsyncContextManager[RunningTwin]]


@pytest.fixture
def serve_twin(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Return a context manager that serves a scenario, or an empty twin."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return served


@pytest.fixture
async def empty_twin(serve_twin: Serve) -> AsyncIterator[RunningTwin]:
    """Serve a twin without a scenario; feeds have no lag."""
    async with serve_twin() as running:
        yield running
