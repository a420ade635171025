"""Sales that find no buyer, or too few: nothing that was to be sold is forgotten."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from remora.domain.reasons import ExitReason
from schemas.position import CloseRequest, PositionSnapshot, Reduce
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

from .conftest import Stack, d

pytestmark = pytest.mark.system

HALF = Reduce(share=d("0.5"), reason=ExitReason.REDUCED, by="limits", key="reduction/1")


async def holds(stack: Stack, shares: Decimal) -> PositionSnapshot:
    """Return the open position once it holds about so many shares."""

    async def look() -> PositionSnapshot:
        return await stack.handle().query(PositionWorkflow.state)

    found: PositionSnapshot = await until(look, lambda view: abs(view.shares - shares) <= d("0.01"))
    return found


async def no_buyer_found(stack: Stack) -> None:
    """Wait until the position waits to offer a part again."""

    async def timers() -> list[str]:
        history = await stack.handle().fetch_history()
        started = [event for event in history.events if event.HasField("timer_started_event_attributes")]
        return [event.user_metadata.summary.data.decode() for event in started]

    await until(timers, lambda found: any("try again" in name for name in found))


async def test_a_reduction_without_a_buyer_is_tried_again(stack: Stack, temporal: Any) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    stack.venue.bid = None
    await stack.handle().signal(PositionWorkflow.reduce, HALF)
    await no_buyer_found(stack)
    unsold = await stack.handle().query(PositionWorkflow.state)
    stack.venue.bid = d("0.48")
    await temporal.fast_forward(stack.handle(), timedelta(minutes=2))
    after = await holds(stack, before.shares / 2)
    left = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert left.state == "closed"
    assert (unsold.state, unsold.shares) == ("open", before.shares)
    assert (after.state, after.stop_price is not None) == ("open", True)


async def test_a_reduction_that_fills_in_parts_is_sold_to_its_end_and_no_further(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    stack.venue.bid_size = before.shares / 5
    await stack.handle().signal(PositionWorkflow.reduce, HALF)
    after = await holds(stack, before.shares / 2)
    await stack.handle().signal(PositionWorkflow.reduce, HALF)  # told again, with the same key

    assert len(stack.venue.sent) == 4
    assert (await stack.handle().query(PositionWorkflow.state)).shares == after.shares


async def test_a_reduction_that_leaves_only_dust_sells_all_and_ends(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    share = 1 - d(4) / before.shares
    await stack.handle().signal(PositionWorkflow.reduce, HALF.model_copy(update={"share": share}))
    result = await stack.handle().result()

    assert (result.state, result.exit_reason) == ("closed", "reduced")
