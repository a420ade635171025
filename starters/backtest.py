"""Replay a grid on the research workers."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from schemas.backtest import SweepInput, SweepRows
from schemas.rescore import RESEARCH_QUEUE
from workflows.backtest import BacktestWorkflow

LOOK_SECONDS = 0.5


async def sweep(
    client: Client, start: SweepInput, *, workflow_id: str, progress: Callable[[str, int, int], None]
) -> SweepRows:
    """Start a sweep, or join the one under this id, and return its rows; raise WorkflowFailureError."""
    handle = await client.start_workflow(
        BacktestWorkflow.run,
        start,
        id=workflow_id,
        task_queue=RESEARCH_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"grid of {len(start.ask.points)} points",
    )
    result = asyncio.create_task(handle.result())
    while not result.done():
        await asyncio.wait({result}, timeout=LOOK_SECONDS)
        described = await handle.describe()
        if (
            not result.done()
            and described.status is WorkflowExecutionStatus.RUNNING
            and described.history_length > 4
        ):
            seen = await handle.query(BacktestWorkflow.progress)
            progress("grid on temporal", seen.done, max(1, seen.total))
    result.result()
    return SweepRows(rows=await _rows(client, handle))


async def _rows(client: Client, handle: WorkflowHandle[Any, Any]) -> list[dict[str, Any]]:
    """Return the rows that the parts answered, in the order in which the parts were asked."""
    answers: dict[int, list[dict[str, Any]]] = {}
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            answers[event.event_id] = []
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            done = event.activity_task_completed_event_attributes
            (part,) = await client.data_converter.decode(done.result.payloads, [SweepRows])
            answers[done.scheduled_event_id] = part.rows
    return [row for _, rows in sorted(answers.items()) for row in rows]
