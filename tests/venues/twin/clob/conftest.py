"""Two trading accounts and a market on which nobody but them trades."""

from collections.abc import AsyncIterator

import pytest
from polymarket import AsyncSecureClient

from tests.fixtures.twin import OTHER_KEY, RunningTwin, TwinMarket


@pytest.fixture
async def ours(twin: RunningTwin) -> AsyncIterator[AsyncSecureClient]:
    """Yield the official client of `OUR_KEY`."""
    async with await twin.secure_client() as client:
        yield client


@pytest.fixture
async def others(twin: RunningTwin) -> AsyncIterator[AsyncSecureClient]:
    """Yield the official client of `OTHER_KEY`."""
    async with await twin.secure_client(OTHER_KEY) as client:
        yield client


@pytest.fixture
async def quiet(twin: RunningTwin) -> TwinMarket:
    """List a market without synthetic depth: tick 0.01, fee rate 0.04."""
    return await twin.list_market("Who else is there?", price=0.5, category="Politics", depth_usd=0)
