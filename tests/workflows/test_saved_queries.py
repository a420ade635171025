"""The saved queries of docs/web-ui.md, run against a real visibility store."""

import contextlib
import re
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from remora.domain.exits import CrossingKind
from remora.domain.ids import WalletAddress
from remora.storage.roster import Follow, publish_roster
from schemas.position import CloseRequest, PositionResult, PriceCrossed, position_workflow_id
from tests.fixtures.waiting import eventually
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, CONDITION, TOKEN, Stack, d, now

pytestmark = pytest.mark.system

PAGE = Path(__file__).parents[2] / "docs" / "web-ui.md"
QUERIES = dict(re.findall(r"^([A-Z][^\n]*):\n\n```sql\n([^`]+)\n```", PAGE.read_text(), re.MULTILINE))
OPEN, STOPPED, LOST, STUCK, CANCELLED, KILLED, SKIPPED = (
    WalletAddress("0x" + digit * 40) for digit in ("a", "b", "c", "d", "e", "f", "1")
)
FOLLOWED = (OPEN, STOPPED, LOST, STUCK, CANCELLED, KILLED)
FOUND = {
    "Open positions of a whale": {OPEN},
    "Everything that exited by stop-loss": {STOPPED},
    "Everything waiting for attention": {LOST},
    "What cannot be sold and waits for its market to resolve": {STUCK},
    "Everything of one market that still runs": {OPEN, LOST, STUCK},
    "What people cancelled here": {CANCELLED},
    "Signals that were not copied (the reason is in the current details, and in `remora decisions`)": {SKIPPED},
    "Workflows that ended by force while something was held; reconcile adopts them": {KILLED},
}


Handle = WorkflowHandle[PositionWorkflow, PositionResult]


def copy_of(stack: Stack, whale: WalletAddress) -> Handle:
    """Return the workflow of our copy of a whale."""
    return stack.client.get_workflow_handle_for(PositionWorkflow.run, position_workflow_id(ACCOUNT, whale, TOKEN))


async def reach(stack: Stack, whale: WalletAddress, state: str) -> Handle:
    """Let a whale buy, and return our copy of it once it is in a state."""
    await stack.deliver(stack.trade(whale, whale=whale))
    handle = copy_of(stack, whale)

    async def reached() -> bool:
        return (await handle.query(PositionWorkflow.state)).state == state

    await eventually(reached)
    return handle


async def populate(stack: Stack) -> None:
    """Bring one copy into each situation that a query looks for."""
    await reach(stack, SKIPPED, "skipped")
    await reach(stack, OPEN, "open")
    await (await reach(stack, KILLED, "open")).terminate("by hand")
    await (await reach(stack, CANCELLED, "open")).cancel()
    with pytest.raises(WorkflowFailureError):
        await copy_of(stack, CANCELLED).result()
    stopped = await reach(stack, STOPPED, "open")
    stack.venue.bid = d("0.30")
    crossing = PriceCrossed(
        position_id=str((await stopped.query(PositionWorkflow.state)).position_id),
        kind=CrossingKind.STOP_LOSS,
        executable_price=d("0.30"),
        updates=2,
        seen_at=now(),
    )
    await stopped.signal(PositionWorkflow.price_crossed, crossing)
    await stopped.result()
    stack.venue.bid = d("0.49")
    stuck = await reach(stack, STUCK, "open")
    stack.venue.bid = None
    await stuck.execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    stack.venue.bid = d("0.49")
    stack.venue.lost = True
    await reach(stack, LOST, "needs_attention")


async def whales_of(client: Client, query: str) -> set[str]:
    """Return the whales of the positions that a query finds."""
    return {found.id.split("/")[2] async for found in client.list_workflows(query)}


async def settled(client: Client, query: str, expected: set[WalletAddress]) -> None:
    """Give the visibility store, which lags a little, the time to show what is expected."""

    async def shown() -> bool:
        return await whales_of(client, query) == expected

    with contextlib.suppress(TimeoutError):
        await eventually(shown, patience_s=15)


async def test_every_query_of_the_page_finds_what_it_says(stack: Stack) -> None:
    follows = [Follow(whale=whale, edge=d("0.02"), unproven=False) for whale in FOLLOWED]
    await publish_roster(stack.engine, follows, as_of=now(), published_at=now(), params={})
    await populate(stack)
    assert set(QUERIES) == set(FOUND)

    for title, query in QUERIES.items():
        await settled(stack.client, query, FOUND[title])
        assert await whales_of(stack.client, query) == FOUND[title], title


async def test_what_is_tried_again_says_why_in_words(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    stack.venue.bid = None
    await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    async def failed() -> bool:
        return bool(await last_failure(stack))

    await eventually(failed)

    assert await last_failure(stack) == f"market {CONDITION} is open, not yet resolved"


async def last_failure(stack: Stack) -> str:
    """Return what the Web UI shows as the last failure of the pending activity."""
    description = await stack.handle().describe()
    pending = description.raw_description.pending_activities
    return pending[0].last_failure.message if pending else ""
