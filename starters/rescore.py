"""Rescoring on a schedule and on demand."""

from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy

from schemas.rescore import EVERY, RESCORE_ID, RESEARCH_QUEUE, SCHEDULE_ID, RescoreInput, RescoreResult
from workflows.rescore import RescoreWorkflow

CATCH_UP = timedelta(minutes=30)


async def ensure_rescoring(client: Client, *, pull: bool, every: timedelta = EVERY) -> None:
    """Rescore every six hours, one run at a time; a schedule that exists stays as it is."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            RescoreWorkflow.run,
            RescoreInput(pull=pull),
            id=f"{RESCORE_ID}/scheduled",
            task_queue=RESEARCH_QUEUE,
            static_summary="score every wallet, publish the roster",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
    try:
        await client.create_schedule(SCHEDULE_ID, schedule)
    except ScheduleAlreadyRunningError:
        return


async def start_rescoring(
    client: Client,
    *,
    as_of: datetime | None,
    pull: bool,
    by: str,
    shards: int | None = None,
    rank_by: str | None = None,
) -> WorkflowHandle[RescoreWorkflow, RescoreResult]:
    """Start a rescoring, or join the one that a person started before."""
    return await client.start_workflow(
        RescoreWorkflow.run,
        RescoreInput(as_of=as_of, pull=pull, shards=shards, by=by, rank_by=rank_by),
        id=RESCORE_ID,
        task_queue=RESEARCH_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"score every wallet, publish the roster (by {by})",
    )
