"""Reconciliation on a schedule and on demand."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy

from remora.domain.ids import AccountId
from schemas.reconcile import ReconcileInput, ReconcileResult, reconcile_workflow_id
from schemas.search_attributes import TRADING_QUEUE
from workflows.reconcile import ReconcileWorkflow

EVERY = timedelta(minutes=1)
"""The backstop of every stop-loss when no watcher runs."""

CATCH_UP = timedelta(minutes=2)


async def ensure_schedule(client: Client, account: AccountId, *, mode: str, every: timedelta = EVERY) -> None:
    """Reconcile the account every minute; a schedule that exists stays as it is."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ReconcileWorkflow.run,
            ReconcileInput(account=account, mode=mode),
            id=f"reconcile/{account}/scheduled",
            task_queue=TRADING_QUEUE,
            static_summary=f"reconcile {account} ({mode})",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )
    try:
        await client.create_schedule(reconcile_workflow_id(account), schedule)
    except ScheduleAlreadyRunningError:
        return


async def reconcile(client: Client, account: AccountId, *, mode: str, repair: bool = True) -> ReconcileResult:
    """Reconcile now and return what differed; joins a run that a person started a moment ago."""
    return await client.execute_workflow(
        ReconcileWorkflow.run,
        ReconcileInput(account=account, mode=mode, repair=repair),
        id=reconcile_workflow_id(account) + ("" if repair else "/look"),
        task_queue=TRADING_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"reconcile {account} ({mode})",
    )
