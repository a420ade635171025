"""Bringing whale trades to their positions."""

from typing import Literal

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from remora.domain.reasons import PositionState
from schemas.position import PositionInput, position_workflow_id
from schemas.search_attributes import ACCOUNT, MARKET, MODE, POSITION_STATE, TRADING_QUEUE, WHALE
from workflows.position import PositionWorkflow

HELP = """A copy of one whale's holding in one outcome; the current details beside this say where it stands.

- **Request Cancellation** sells what is held, settles, and ends.
- **Send an Update** `close` does the same and answers; `adjust_exits` moves stop and target.
- **Terminate** ends the workflow only: the holding stays until the next reconcile adopts it.
"""
"""What a person at the Web UI needs to know of every position."""

TRIES = 5
"""A position can close between the refused start and the signal; more often than this in a row it does not."""


async def deliver_signal(client: Client, start: PositionInput) -> Literal["started", "signalled"]:
    """Start the position of a trade, or signal it if it runs already."""
    first = start.first
    workflow_id = position_workflow_id(start.account, first.whale, first.token_id)
    for _ in range(TRIES):
        try:
            await client.start_workflow(
                PositionWorkflow.run,
                start,
                id=workflow_id,
                task_queue=TRADING_QUEUE,
                request_eager_start=True,
                static_summary=f"{first.side.value} {first.size} at {first.price} by {first.whale}",
                static_details=HELP,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(ACCOUNT, start.account),
                        SearchAttributePair(WHALE, first.whale),
                        SearchAttributePair(MARKET, first.condition_id),
                        SearchAttributePair(POSITION_STATE, PositionState.SIGNALLED.value),
                        SearchAttributePair(MODE, start.mode),
                    ]
                ),
            )
        except WorkflowAlreadyStartedError:
            handle = client.get_workflow_handle_for(PositionWorkflow.run, workflow_id)
            try:
                await handle.signal(PositionWorkflow.whale_traded, first)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                continue
            return "signalled"
        return "started"
    raise RuntimeError(f"{workflow_id} closed {TRIES} times between start and signal; try again")
