"""The stop and the target that a person chose stay, whatever is held meanwhile and whoever looks after it."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.client import WorkflowUpdateFailedError

from remora.domain.money import Side
from remora.domain.reasons import ExitReason
from remora.storage.triggers import Trigger, active_triggers
from schemas.message import ClockMessage
from schemas.position import AdjustExitsRequest, PositionInput, PositionSnapshot, Reduce
from schemas.search_attributes import TRADING_QUEUE
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, Stack, d, now

pytestmark = pytest.mark.system

STOP, TARGET = d("0.40"), d("0.95")
COMPUTED_TARGET = d("0.65")


async def adjust(stack: Stack, **prices: Decimal) -> PositionSnapshot:
    """Move stop, target or both as a person does."""
    return await stack.handle().execute_update(
        PositionWorkflow.adjust_exits, AdjustExitsRequest(by="ann", **prices)
    )


async def armed(stack: Stack, holds: Any) -> Trigger:
    """Return the thresholds in force once they are for as many shares as `holds` wants."""
    found = await until(
        lambda: active_triggers(stack.engine, ACCOUNT), lambda rows: bool(rows) and holds(rows[0].shares)
    )
    trigger: Trigger = found[0]
    return trigger


async def test_a_stop_and_a_target_of_a_person_stay_when_less_or_more_is_held(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    await adjust(stack, stop_price=STOP)
    await adjust(stack, target_price=TARGET)
    stack.venue.holding = d(1000)
    await stack.deliver(stack.trade("k2", side=Side.SELL, size=d(500)))
    less = await armed(stack, lambda shares: shares < before.shares)
    await stack.deliver(stack.trade("k3"))
    more = await armed(stack, lambda shares: shares > before.shares)
    view = await stack.handle().query(PositionWorkflow.state)

    assert (less.stop_price, less.target_price) == (STOP, TARGET)
    assert (more.stop_price, more.target_price) == (STOP, TARGET)
    assert (view.stop_price, view.target_price) == (STOP, TARGET)


async def test_what_nobody_moved_is_computed_anew(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    await adjust(stack, stop_price=STOP)
    stack.venue.bid, stack.venue.ask = d("0.51"), d("0.52")
    await stack.deliver(stack.trade("k2", price=d("0.52")))
    more = await armed(stack, lambda shares: shares > before.shares)

    assert before.target_price == COMPUTED_TARGET
    assert more.stop_price == STOP
    assert more.target_price is not None
    assert more.target_price > COMPUTED_TARGET


async def test_a_stop_of_a_person_outlives_the_workflow_that_took_it(stack: Stack) -> None:
    trade = stack.trade()
    await stack.deliver(trade)
    before = await stack.reaches("open")
    await adjust(stack, stop_price=STOP)
    await stack.handle().terminate()
    orphan = PositionInput(
        account=ACCOUNT,
        mode="twin",
        clock=ClockMessage(wall_origin=now(), venue_origin=now()),
        first=trade,
        adopt_position_id=before.position_id,
    )
    await stack.client.start_workflow(PositionWorkflow.run, orphan, id=stack.handle().id, task_queue=TRADING_QUEUE)
    await stack.reaches("open")
    half = Reduce(share=d("0.5"), reason=ExitReason.REDUCED, by="limits")
    await stack.handle().signal(PositionWorkflow.reduce, half)
    less = await armed(stack, lambda shares: shares < before.shares)

    assert less.stop_price == STOP


async def test_a_stop_above_the_price_and_a_target_below_it_change_nothing(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    for wrong in ({"stop_price": d("0.49")}, {"stop_price": d("0.55")}, {"target_price": d("0.48")}):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await adjust(stack, **wrong)
        assert "it would sell at once" in str(refused.value.cause)
    with pytest.raises(WorkflowUpdateFailedError) as crossed:
        await adjust(stack, stop_price=d("0.70"))
    assert "the stop must lie below the target" in str(crossed.value.cause)
    nobody = AdjustExitsRequest(stop_price=d("0.40"), by=" ")
    with pytest.raises(WorkflowUpdateFailedError) as nameless:
        await stack.handle().execute_update(PositionWorkflow.adjust_exits, nobody)
    assert "say who asks for it" in str(nameless.value.cause)
    half = Reduce(share=d("0.5"), reason=ExitReason.REDUCED, by="limits")
    await stack.handle().signal(PositionWorkflow.reduce, half)
    less = await armed(stack, lambda shares: shares < before.shares)

    assert (less.stop_price, less.target_price) == (before.stop_price, before.target_price)


async def test_a_target_above_one_and_a_stop_below_zero_are_no_messages(stack: Stack) -> None:
    for wrong in ({"target_price": d("1.01")}, {"stop_price": d(0)}, {"stop_price": d(1)}):
        with pytest.raises(ValidationError):
            AdjustExitsRequest(by="ann", **wrong)
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    with pytest.raises(WorkflowUpdateFailedError):
        await stack.handle().execute_update("adjust_exits", {"target_price": "1.2", "by": "ann"})
    view = await stack.handle().query(PositionWorkflow.state)

    assert (view.stop_price, view.target_price) == (before.stop_price, before.target_price)
