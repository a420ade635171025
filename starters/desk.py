"""Starting and steering the desk."""

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from remora.domain.ids import AccountId
from schemas.desk import DeskCommand, DeskInput, DeskState, desk_workflow_id
from schemas.search_attributes import ACCOUNT, DESK_QUEUE, MODE
from workflows.desk import DeskWorkflow


async def ensure_desk(client: Client, account: AccountId, *, mode: str) -> WorkflowHandle[DeskWorkflow, None]:
    """Start the desk unless it runs; the desk row must exist. One that was ended by force begins paused."""
    status = await _last_status(client, account)
    if status in (None, WorkflowExecutionStatus.RUNNING):
        return await _start(client, DeskInput(account=account, mode=mode))
    return await restore_desk(client, account, mode=mode, reason=f"its workflow was {status.name.lower()}")


async def restore_desk(
    client: Client, account: AccountId, *, mode: str, reason: str = "its workflow was gone"
) -> WorkflowHandle[DeskWorkflow, None]:
    """Start a desk whose workflow was lost, in the safest mode: paused, or still halted; a running one stays."""
    return await _start(client, DeskInput(account=account, mode=mode, lost=reason))


async def desk_runs(client: Client, account: AccountId) -> bool:
    """Tell whether the desk's workflow runs."""
    return await _last_status(client, account) is WorkflowExecutionStatus.RUNNING


async def _last_status(client: Client, account: AccountId) -> WorkflowExecutionStatus | None:
    try:
        return (await _desk(client, account).describe()).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _start(client: Client, start: DeskInput) -> WorkflowHandle[DeskWorkflow, None]:
    return await client.start_workflow(
        DeskWorkflow.run,
        start,
        id=desk_workflow_id(start.account),
        task_queue=DESK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"desk of {start.account} ({start.mode})",
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(ACCOUNT, start.account), SearchAttributePair(MODE, start.mode)]
        ),
    )


async def pause(client: Client, account: AccountId, *, by: str, reason: str = "") -> DeskState:
    """Stop entries and return the desk once its row says so."""
    return await _desk(client, account).execute_update(DeskWorkflow.pause, DeskCommand(by=by, reason=reason))


async def resume(client: Client, account: AccountId, *, by: str, reason: str = "") -> DeskState:
    """Allow entries again and return the desk once its row says so."""
    return await _desk(client, account).execute_update(DeskWorkflow.resume, DeskCommand(by=by, reason=reason))


async def halt(client: Client, account: AccountId, *, by: str, reason: str = "") -> DeskState:
    """Stop entries until a reset and return the desk once its row says so."""
    return await _desk(client, account).execute_update(DeskWorkflow.halt, DeskCommand(by=by, reason=reason))


async def reset(client: Client, account: AccountId, *, by: str, reason: str, force: bool = False) -> DeskState:
    """Allow entries again after a halt; refused while the day's loss holds, unless forced."""
    command = DeskCommand(by=by, reason=reason, force=force)
    return await _desk(client, account).execute_update(DeskWorkflow.reset, command)


async def flatten(client: Client, account: AccountId, *, by: str, reason: str = "") -> DeskState:
    """Stop entries and have every position closed; return the desk once every position was told."""
    return await _desk(client, account).execute_update(DeskWorkflow.flatten, DeskCommand(by=by, reason=reason))


def _desk(client: Client, account: AccountId) -> WorkflowHandle[DeskWorkflow, None]:
    return client.get_workflow_handle_for(DeskWorkflow.run, desk_workflow_id(account))
