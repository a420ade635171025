"""The whole stack on the twin."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from tests.fixtures.desk import Desk, running_desk
from tests.fixtures.twin import RunningTwin


@pytest.fixture
async def desk(temporal_client: Client, engine: AsyncEngine, twin: RunningTwin) -> AsyncIterator[Desk]:
    """Give a desk whose worker does not run yet."""
    async with running_desk(temporal_client, engine, twin) as made:
        yield made
