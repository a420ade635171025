"""A failure that the server holds says in words what is wrong, however many layers it passed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.client import WorkflowUpdateStage
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError

from schemas.position import CloseRequest
from starters.client import DATA_CONVERTER
from starters.failures import ShortFailureConverter
from tests.fixtures.postgres import database_url
from workflows.position import PositionWorkflow

from .conftest import Stack

SERVER_HOLDS = 4096
"""Bytes of a failure that the server keeps while an activity is tried again."""


@asynccontextmanager
async def database_away(server: str, name: str) -> AsyncIterator[None]:
    """Let a database refuse everybody while a block lasts."""
    connection = await asyncpg.connect(database_url(server, "postgres"))
    try:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
    finally:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await connection.close()


async def last_failure(stack: Stack) -> Failure:
    """Return what a running position's activity failed with, once it has."""
    for _ in range(400):
        pending = (await stack.handle().describe()).raw_description.pending_activities
        for activity in pending:
            if activity.HasField("last_failure"):
                return activity.last_failure
        await asyncio.sleep(0.05)
    raise AssertionError("expected an activity that failed")


@pytest.mark.system
async def test_a_database_that_is_away_is_named_in_the_last_failure(
    stack: Stack, postgres_server: str, postgres_url: str
) -> None:
    found = re.search(r"/(remora_\d+)", postgres_url)
    assert found is not None
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    async with database_away(postgres_server, found[1]):
        await stack.handle().start_update(
            PositionWorkflow.close, CloseRequest(by="me"), wait_for_stage=WorkflowUpdateStage.ACCEPTED
        )
        failure = await last_failure(stack)
    closed = await stack.handle().result()

    # in which words depends on whether a connection was in use
    assert re.search("connection|asyncpg", failure.message.split("[SQL", 1)[0])
    assert "parameters: (" not in failure.message
    assert failure.ByteSize() < SERVER_HOLDS
    assert closed.state == "closed"


def test_a_long_chain_keeps_its_first_words_and_its_root() -> None:
    def fail(depth: int) -> None:
        if depth == 0:
            raise OSError("the root of it")
        try:
            fail(depth - 1)
        except Exception as error:
            raise RuntimeError(f"layer {depth} " + "é" * 5000) from error

    failure = Failure()
    with pytest.raises(RuntimeError) as raised:
        fail(30)
    ShortFailureConverter().to_failure(raised.value, PayloadConverter.default, failure)
    chain = [failure]
    while chain[-1].HasField("cause"):
        chain.append(chain[-1].cause)

    assert failure.ByteSize() < SERVER_HOLDS
    assert failure.message.startswith("layer 30 ")
    assert "in fail" in failure.stack_trace
    assert [one.message.split(" é")[0] for one in chain[1:]] == ["layer 29", "layer 28", "the root of it"]
    assert failure.application_failure_info.type == "RuntimeError"


def test_a_short_failure_is_left_as_it_is() -> None:
    failure = Failure()
    asked = ApplicationError("the desk is halted", {"mode": "halted"}, type="Refused", non_retryable=True)
    ShortFailureConverter().to_failure(asked, PayloadConverter.default, failure)
    back = ShortFailureConverter().from_failure(failure, PayloadConverter.default)

    assert isinstance(back, ApplicationError)
    assert (back.message, back.type, back.non_retryable) == ("the desk is halted", "Refused", True)
    assert back.details == ({"mode": "halted"},)
    assert DATA_CONVERTER.failure_converter_class is ShortFailureConverter
