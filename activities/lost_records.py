"""Write what a restored database lost, from what a workflow remembers and the exchange's fills."""

from collections.abc import Sequence

from activities.tools import Tools
from remora.domain.orders import Fill
from remora.domain.pnl import PositionBooks
from remora.storage import reconcile as store
from remora.storage.positions import PositionRow
from schemas.position import PositionSnapshot


async def restore_record(
    tools: Tools, snapshot: PositionSnapshot, run_id: str, group: Sequence[Fill]
) -> str | None:
    """Write a lost position, order and fills again; return why that cannot be, None once it is written."""
    first = group[0]
    assert snapshot.position_id is not None, "a position that placed an order has an id"
    market = await tools.venue.market_of(snapshot.token_id)
    lost = PositionRow(
        id=snapshot.position_id,
        workflow_id=snapshot.workflow_id,
        run_id=run_id,
        account=snapshot.account,
        whale=snapshot.whale,
        token_id=snapshot.token_id,
        condition_id=snapshot.condition_id,
        event_id=market.event_id,
        question=snapshot.question,
        outcome=snapshot.outcome,
        state=snapshot.state,
        exit_reason=snapshot.exit_reason,
        attention=None,
        unproven=snapshot.unproven,
        whale_price=snapshot.average_price or first.price,
        books=PositionBooks(),
        mark_price=None,
        stop_price=None,
        target_price=None,
        asked_stop_price=None,
        asked_target_price=None,
        exit_at=None,
        opened_at=first.matched_at,
        closed_at=first.matched_at if snapshot.state.ended else None,
    )
    taken = await store.restore_position(tools.engine, lost, now=tools.wall())
    if taken is not None:
        return taken
    order_id = await store.restore_order(
        tools.engine, snapshot.account, lost.id, lost.condition_id, group, now=tools.wall()
    )
    return await store.book(tools.engine, order_id, group, now=tools.wall())
