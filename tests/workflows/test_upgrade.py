"""A worker is upgraded under open positions: old ones go on as they began, new ones follow the new code."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker
from temporalio.workflow import NondeterminismError

from activities.tools import Tools
from remora.venues.venue import VenueUnavailable
from schemas.position import CloseRequest
from schemas.search_attributes import TRADING_QUEUE
from starters.client import DATA_CONVERTER
from tests.fixtures.desk import WHALES, Desk, running_desk, utc_now
from tests.fixtures.twin import RunningTwin, TwinMarket
from tests.fixtures.waiting import eventually
from workers.trading import activities_of
from workflows.position import PositionWorkflow

from .changed_position import PatchedPosition, RashPosition

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


def replaying(version: type) -> Replayer:
    return Replayer(
        workflows=[version],
        data_converter=DATA_CONVERTER,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def answers(desk: Desk) -> bool:
    """Whether the exchange answers: it closes connections that idled while the worker was replaced."""
    try:
        await desk.venue.cash()
        await desk.venue.clock()
        await desk.venue.open_orders()
    except VenueUnavailable:
        return False
    return True


def looked_first(history: WorkflowHistory) -> bool:
    names = [event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events]
    return "look_at_market" in names


async def test_open_positions_survive_a_changed_workflow(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    async with running_desk(temporal_client, engine, twin) as desk:
        async with desk.worker():
            before = [await desk.buy(twin_market, whale=whale) for whale in WHALES[:2]]
            for name in before:
                await desk.position(name)
        tools = Tools(venue=desk.venue, engine=engine, limits=desk.limits, wall=utc_now)
        async with Worker(
            temporal_client,
            task_queue=TRADING_QUEUE,
            workflows=[PatchedPosition],
            activities=activities_of(tools),
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
        ):
            await eventually(partial(answers, desk), "the exchange to answer again after the pause")
            after = await desk.buy(twin_market, whale=WHALES[2])
            await desk.position(after)
            for name in (*before, after):
                view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
                assert view.state == "closed"
                await desk.handle(name).result()
        histories = [await desk.handle(name).fetch_history() for name in (*before, after)]
        await desk.assert_books_equal()

    assert [looked_first(history) for history in histories] == [False, False, True]
    replayer = replaying(PatchedPosition)
    for history in histories:
        await replayer.replay_workflow(history)
    # what the patch is for: without it, the first replay would have failed
    rash = replaying(RashPosition)
    with pytest.raises(NondeterminismError):
        await rash.replay_workflow(histories[0])
