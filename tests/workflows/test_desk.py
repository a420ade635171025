"""What the desk does when people turn its dials and when its limits do."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError

from remora.domain.reasons import DeskMode
from remora.storage.desk import audit_trail, load_desk
from remora.storage.desk_orders import record_transfer
from schemas.desk import DeskCommand, DeskInput, DeskState, LookAgain, desk_workflow_id
from schemas.position import CloseRequest
from schemas.search_attributes import DESK_QUEUE
from starters import desk
from tests.fixtures.waiting import until
from workflows.desk import DeskWorkflow
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, Stack, d, now

pytestmark = pytest.mark.system


@pytest.fixture
async def switch(stack: Stack) -> WorkflowHandle[DeskWorkflow, None]:
    """Give the running desk's handle."""
    return await desk.ensure_desk(stack.client, ACCOUNT, mode="twin")


async def state_is(handle: WorkflowHandle[DeskWorkflow, None], holds: Callable[[DeskState], bool]) -> DeskState:
    found: DeskState = await until(lambda: handle.query(DeskWorkflow.state), holds, looks=400)
    return found


async def actions(stack: Stack) -> list[tuple[str, str]]:
    return [(row["action"], row["by"]) for row in await audit_trail(stack.engine, ACCOUNT)]


async def test_every_turn_is_audited_with_who_and_why(stack: Stack, switch: Any) -> None:
    await desk.pause(stack.client, ACCOUNT, by="ann", reason="lunch")
    await desk.resume(stack.client, ACCOUNT, by="bob", reason="back")
    await desk.halt(stack.client, ACCOUNT, by="ann", reason="strange fills")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await desk.resume(stack.client, ACCOUNT, by="bob", reason="impatient")
    state = await desk.reset(stack.client, ACCOUNT, by="ann", reason="looked into it")

    assert "needs an audited reset first" in str(refused.value.cause)
    assert (state.mode, state.changed_by, state.reason) == (DeskMode.TRADING, "ann", "looked into it")
    assert await actions(stack) == [
        ("pause", "ann"),
        ("resume", "bob"),
        ("halt", "ann"),
        ("resume_refused", "bob"),
        ("reset", "ann"),
    ]


async def test_opposite_orders_are_carried_out_one_after_another(stack: Stack, switch: Any) -> None:
    both = await asyncio.gather(
        *(desk.pause(stack.client, ACCOUNT, by="ann") for _ in range(3)),
        *(desk.resume(stack.client, ACCOUNT, by="bob") for _ in range(3)),
    )
    trail = await audit_trail(stack.engine, ACCOUNT)

    assert {state.mode for state in both[:3]} == {DeskMode.PAUSED}
    assert {state.mode for state in both[3:]} == {DeskMode.TRADING}
    for earlier, later in itertools.pairwise(trail):
        assert earlier["after"] == later["before"]
    assert (await load_desk(stack.engine, ACCOUNT)).mode.value == trail[-1]["after"]["mode"]


async def test_a_message_of_an_unknown_version_is_dropped_and_the_desk_goes_on(stack: Stack, switch: Any) -> None:
    await switch.signal("pause", {"schema": 99, "who": "ann", "why": {"deep": [1]}})
    await switch.signal("pause", "not even an object")
    await switch.signal("turn_inside_out", {"by": "ann"})
    with pytest.raises(WorkflowUpdateFailedError):
        await switch.execute_update("pause", {"schema": 99, "who": "ann"})

    assert (await desk.pause(stack.client, ACCOUNT, by="bob")).mode is DeskMode.PAUSED
    assert await actions(stack) == [("pause", "bob")]


async def test_a_signal_that_names_nobody_is_refused_and_written_down(stack: Stack, switch: Any) -> None:
    await switch.signal("pause", DeskCommand(by=" ", reason="in a hurry"))
    await switch.signal("halt", DeskCommand(by="ann"))
    await state_is(switch, lambda state: state.mode is DeskMode.HALTED)

    assert [row["reason"] for row in await audit_trail(stack.engine, ACCOUNT)][:1] == [
        "say who turns the dial (asked: in a hurry)"
    ]
    assert await actions(stack) == [("pause_refused", " "), ("halt", "ann")]


async def test_a_position_drops_a_message_of_an_unknown_version(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    await stack.handle().signal("reduce", {"schema": 99, "fraction": "half"})
    await stack.handle().signal("price_crossed", {"schema": 99})
    await stack.handle().signal("whale_traded", [1, 2, 3])

    closed = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    assert closed.state == "closed"


async def test_the_desk_begins_new_runs_without_losing_an_order(stack: Stack) -> None:
    start = DeskInput(account=ACCOUNT, mode="twin", events_max=60)
    switch = await stack.client.start_workflow(
        DeskWorkflow.run, start, id=desk_workflow_id(ACCOUNT), task_queue=DESK_QUEUE
    )
    orders = ["pause", "resume"] * 30
    for number, order in enumerate(orders):
        command = DeskCommand(by=f"n{number}")
        if number % 3:
            await stack.client.get_workflow_handle(switch.id).signal(order, command)
        else:
            await stack.client.get_workflow_handle(switch.id).execute_update(order, command)
    last = await desk.pause(stack.client, ACCOUNT, by="last")
    trail = await audit_trail(stack.engine, ACCOUNT)
    runs = [run async for run in stack.client.list_workflows(f"WorkflowId = '{switch.id}'")]

    assert [row["by"] for row in trail] == [f"n{number}" for number in range(len(orders))] + ["last"]
    assert last.revision == len(orders) + 1
    assert len(runs) >= 3


async def test_a_terminated_desk_comes_back_paused_and_a_halted_one_halted(stack: Stack, switch: Any) -> None:
    await switch.terminate("by mistake")
    assert not await desk.desk_runs(stack.client, ACCOUNT)
    again = await desk.ensure_desk(stack.client, ACCOUNT, mode="twin")
    state = await state_is(again, lambda s: s.mode is DeskMode.PAUSED)
    assert (state.changed_by, state.reason) == ("remora", "its workflow was terminated")

    await desk.halt(stack.client, ACCOUNT, by="ann", reason="enough")
    await stack.client.get_workflow_handle(switch.id).terminate()
    restored = await desk.restore_desk(stack.client, ACCOUNT, mode="twin")
    assert (await state_is(restored, lambda s: s.changed_by != "")).mode is DeskMode.HALTED
    assert await desk.desk_runs(stack.client, ACCOUNT)


async def test_a_cancelled_desk_stops_entries_before_it_ends(stack: Stack, switch: Any) -> None:
    await desk.resume(stack.client, ACCOUNT, by="ann")
    await switch.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await switch.result()

    assert isinstance(failure.value.cause, CancelledError)
    row = await load_desk(stack.engine, ACCOUNT)
    assert (row.mode, row.changed_by) == (DeskMode.PAUSED, "temporal")


async def test_flatten_stops_entries_and_closes_everything(stack: Stack, switch: Any) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    state = await desk.flatten(stack.client, ACCOUNT, by="ann", reason="leaving")
    result = await stack.handle().result()
    await stack.deliver(stack.trade("k2"))

    assert (state.mode, state.reducing) == (DeskMode.PAUSED, False)
    assert (result.state, result.exit_reason) == ("closed", "halt")
    assert (await stack.handle().result()).skip_reason == "desk_paused"


async def test_flatten_during_an_outage_sells_when_the_venue_is_back(stack: Stack, switch: Any) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    stack.venue.down = True
    state = await desk.flatten(stack.client, ACCOUNT, by="ann", reason="outage")
    assert (await desk.pause(stack.client, ACCOUNT, by="bob")).mode is DeskMode.PAUSED
    await stack.reaches("exiting")
    assert len(stack.venue.sent) == 1
    stack.venue.down = False

    assert not state.reducing
    assert (await stack.handle().result()).exit_reason == "halt"


async def test_a_position_nobody_looks_after_hears_of_flatten_once_it_is_adopted(
    stack: Stack, switch: Any
) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    await stack.handle().terminate()
    state = await desk.flatten(stack.client, ACCOUNT, by="ann")

    assert state.reducing
    assert (await desk.pause(stack.client, ACCOUNT, by="bob")).reducing


async def test_a_pause_while_an_entry_is_in_flight_lets_it_settle(stack: Stack, switch: Any) -> None:
    entering = asyncio.gather(*(stack.deliver(stack.trade(f"k{n}")) for n in range(5)))
    paused = await desk.pause(stack.client, ACCOUNT, by="ann")
    sent = len(stack.venue.sent)
    await entering
    view = await until(
        lambda: stack.handle().query(PositionWorkflow.state),
        lambda v: v.state in ("open", "skipped"),
        looks=400,
    )

    assert paused.mode is DeskMode.PAUSED
    assert len(stack.venue.sent) == sent
    assert (view.shares > 0) == (sent > 0)


async def test_deposits_and_withdrawals_are_no_gain_and_no_loss(stack: Stack, switch: Any) -> None:
    for number, dollars in enumerate((d(5000), d(-9000), d(-3000))):
        reference = f"transfer-{number}"
        facts: dict[str, Any] = {"reference": reference, "by": "chain", "reason": "moved", "now": now()}
        assert await record_transfer(stack.engine, ACCOUNT, dollars, **facts)
        assert not await record_transfer(stack.engine, ACCOUNT, dollars, **facts)
    await switch.signal("look_again", LookAgain(cause="test", seen_at=now()))
    state = await state_is(switch, lambda s: s.equity == d(3000))

    assert (state.mode, state.scale, state.high_water_mark, state.day_start_equity) == (
        DeskMode.TRADING,
        d(1),
        d(3000),
        d(3000),
    )


async def test_a_quiet_minute_makes_the_desk_look_by_itself(stack: Stack, switch: Any, temporal: Any) -> None:
    await state_is(switch, lambda s: s.equity == d(10000))
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    stack.venue.bid = d("0.20")
    await temporal.fast_forward(switch, timedelta(minutes=2))

    await state_is(switch, lambda s: s.equity is not None and s.equity < d(9900))
    assert switch.id == desk_workflow_id(ACCOUNT)
