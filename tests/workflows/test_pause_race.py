"""A pause and an entry at the same time: after the answer nothing goes out, and what went out is known."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.tools import Patience
from remora.domain.reasons import DeskMode
from remora.storage import orders
from remora.storage.desk import load_desk
from schemas.position import Resolution, ResolveUnknownRequest
from starters import desk
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, Stack, now

pytestmark = pytest.mark.system


@pytest.fixture
def patience(patience: Patience) -> Patience:
    """Give a stop that waits as long as a slow machine may need to show that it waits."""
    return replace(patience, in_flight=timedelta(minutes=1))


@pytest.fixture(autouse=True)
async def switch(stack: Stack) -> None:
    """Start the desk."""
    await desk.ensure_desk(stack.client, ACCOUNT, mode="twin")


async def in_flight(stack: Stack) -> int:
    """Return how many entries may still be sent or have no answer yet."""
    return await orders.entries_in_flight(stack.engine, ACCOUNT, since=now() - timedelta(minutes=5))


async def asked_to_pause(stack: Stack) -> "asyncio.Task[Any]":
    """Ask for a pause; return the wait for its answer once the desk's row says paused."""
    asked = asyncio.create_task(desk.pause(stack.client, ACCOUNT, by="ann"))
    await until(lambda: load_desk(stack.engine, ACCOUNT), lambda row: row.mode is DeskMode.PAUSED)
    return asked


async def test_a_pause_is_answered_once_the_exchange_answered_what_was_on_the_wire(stack: Stack) -> None:
    stack.venue.sending = asyncio.Event()
    await stack.deliver(stack.trade())
    await until(lambda: in_flight(stack), lambda count: count == 1 and len(stack.venue.sent) == 1)
    asked = await asked_to_pause(stack)
    before = (await in_flight(stack), asked.done())
    stack.venue.sending.set()
    answer = await asked
    after = (await in_flight(stack), len(stack.venue.sent))
    view = await stack.reaches("open")

    assert before == (1, False)
    assert answer.mode is DeskMode.PAUSED
    assert after == (0, 1)
    assert view.shares > 0


async def test_an_entry_that_was_approved_before_a_pause_and_not_signed_is_never_sent(stack: Stack) -> None:
    stack.venue.signing = asyncio.Event()
    await stack.deliver(stack.trade())
    await until(lambda: in_flight(stack), lambda count: count == 1)
    asked = await asked_to_pause(stack)
    before = asked.done()
    stack.venue.signing.set()
    await asked
    result = await stack.handle().result()
    (order,) = await orders.orders_of(stack.engine, str(result.position_id))

    assert not before
    assert stack.venue.sent == []
    assert (result.state, result.skip_reason) == ("unfilled", "order_rejected")
    assert order.reject_message == "the desk has stopped entries"


async def test_an_entry_whose_reply_was_lost_is_not_sent_again_after_a_pause(stack: Stack) -> None:
    stack.venue.sending, stack.venue.lost = asyncio.Event(), True
    await stack.deliver(stack.trade())
    await until(lambda: in_flight(stack), lambda count: count == 1 and len(stack.venue.sent) == 1)
    asked = await asked_to_pause(stack)
    stack.venue.sending.set()
    await stack.reaches("needs_attention")
    before = asked.done()
    found = ResolveUnknownRequest(digest=stack.venue.sent[0], outcome=Resolution.NONE, by="ann")
    await stack.handle().execute_update(PositionWorkflow.resolve_unknown, found)

    assert (await asked).mode is DeskMode.PAUSED
    assert not before
    assert len(stack.venue.sent) == 1
