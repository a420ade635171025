"""An operator's hand on one position."""

from decimal import Decimal

from temporalio.client import Client, WorkflowHandle

from schemas.position import (
    AdjustExitsRequest,
    CloseRequest,
    PositionResult,
    PositionSnapshot,
    ResolveUnknownRequest,
)
from workflows.position import PositionWorkflow


async def close_position(client: Client, workflow_id: str, *, by: str, reason: str = "") -> PositionSnapshot:
    """Leave a position now; return it once it is closed or waits for something that is not ours to do."""
    return await _position(client, workflow_id).execute_update(
        PositionWorkflow.close, CloseRequest(by=by, reason=reason)
    )


async def adjust_exits(
    client: Client, workflow_id: str, *, stop_price: Decimal | None, target_price: Decimal | None, by: str
) -> PositionSnapshot:
    """Move stop, target or both (absolute prices); return the position once they are in force."""
    request = AdjustExitsRequest(stop_price=stop_price, target_price=target_price, by=by)
    return await _position(client, workflow_id).execute_update(PositionWorkflow.adjust_exits, request)


async def resolve_unknown(client: Client, workflow_id: str, found: ResolveUnknownRequest) -> PositionSnapshot:
    """Tell a position what became of an order nobody could look up; return it once that is in its books."""
    return await _position(client, workflow_id).execute_update(PositionWorkflow.resolve_unknown, found)


def _position(client: Client, workflow_id: str) -> WorkflowHandle[PositionWorkflow, PositionResult]:
    return client.get_workflow_handle_for(PositionWorkflow.run, workflow_id)
