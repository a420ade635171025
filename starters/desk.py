"""Starting and steering the desk."""

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from remora.domain.ids import AccountId
from schemas.desk import DeskCommand, DeskInput, DeskState, desk_workflow_id
from schemas.search_attributes import TRADING_QUEUE
from workflows.desk import DeskWorkflow


async def ensure_desk(client: Client, account: AccountId, *, mode: str) -> WorkflowHandle[DeskWorkflow, None]:
    """Start the desk unless it runs; the desk row must exist."""
    return await client.start_workflow(
        DeskWorkflow.run,
        DeskInput(account=account, mode=mode),
        id=desk_workflow_id(account),
        task_queue=TRADING_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"desk of {account} ({mode})",
    )


async def pause(client: Client, account: AccountId, *, by: str, reason: str = "") -> DeskState:
    """Stop entries and return the desk once its row says so."""
    handle = client.get_workflow_handle_for(DeskWorkflow.run, desk_workflow_id(account))
    return await handle.execute_update(DeskWorkflow.pause, DeskCommand(by=by, reason=reason))


async def resume(client: Client, account: AccountId, *, by: str, reason: str = "") -> DeskState:
    """Allow entries again and return the desk once its row says so."""
    handle = client.get_workflow_handle_for(DeskWorkflow.run, desk_workflow_id(account))
    return await handle.execute_update(DeskWorkflow.resume, DeskCommand(by=by, reason=reason))
