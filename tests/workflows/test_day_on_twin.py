"""A day begins while the desk loses or is halted, and a new high is kept, on the exchange."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowUpdateFailedError

from remora.domain.desk import trading_day
from remora.domain.limits import Limits
from remora.domain.reasons import DeskMode, SkipReason
from remora.storage.desk import audit_trail, load_desk
from schemas.desk import DeskState, LookAgain, desk_workflow_id
from starters import desk
from tests.fixtures.twin import RunningTwin
from tests.fixtures.waiting import until
from workflows.desk import DeskWorkflow

from .floor import Floor, trading_floor

pytestmark = pytest.mark.system

d = Decimal
ZONE = "Pacific/Auckland"
START = d(10_000)
LIMITS = Limits(
    spread_max=d(1),
    position_share=d("0.10"),
    stop_loss=d("0.99"),
    take_profit=d(100),
    roster_age_max=timedelta(days=2),
    day_zone=ZONE,
)


@dataclass
class Clock:
    """A wall clock that a test puts forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_midnight(self) -> None:
        """Go to a second after the next midnight of the zone."""
        here = self.now().astimezone(ZoneInfo(ZONE))
        midnight = datetime(here.year, here.month, here.day, tzinfo=ZoneInfo(ZONE)) + timedelta(days=1)
        self.ahead += midnight - here + timedelta(seconds=1)


async def judged(floor: Floor, holds: Callable[[DeskState], Any]) -> DeskState:
    """Make the desk look until its state holds."""
    handle = floor.client.get_workflow_handle_for(DeskWorkflow.run, desk_workflow_id(floor.venue.account))

    async def look() -> DeskState:
        await handle.signal(DeskWorkflow.look_again, LookAgain(cause="a test", seen_at=floor.wall()))
        return await handle.query(DeskWorkflow.state)

    found: DeskState = await until(look, holds)
    return found


async def test_a_day_begins_while_the_desk_is_halted_and_losing(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    clock = Clock()
    async with trading_floor(temporal_client, engine, twin, LIMITS, wall=clock.now) as floor:
        account = floor.venue.account
        await floor.crash("rain", "snow", to="0.30")
        halted = await floor.desk_is(lambda row: row.mode is DeskMode.HALTED)
        with pytest.raises(WorkflowUpdateFailedError):
            await desk.reset(temporal_client, account, by="ann", reason="the same day")
        clock.pass_midnight()
        begun = await floor.desk_is(lambda row: row.day > halted.day)
        await floor.market("hail")
        skipped = await floor.buy("hail")
        reset = await desk.reset(temporal_client, account, by="ann", reason="a new day")
        copied = await floor.buy("hail", whale=1)
        assert copied["outcome"] == "copy", copied
        await floor.open(3)
        # again a loss: with yesterday's it would be beyond the limit, alone it is not
        for name in ("rain", "snow"):
            await floor.move(name, "0.25")
        lost = await judged(floor, lambda state: (state.equity or START) < begun.day_start_equity - d(150))
        trail = [(row["action"], row["by"]) for row in await audit_trail(engine, account)]

        assert halted.day == trading_day(clock.now() - timedelta(days=1), ZONE)
        assert begun.day - halted.day == timedelta(days=1)
        assert begun.mode is DeskMode.HALTED
        assert d(9100) < begun.day_start_equity < d(9400)
        assert begun.high_water_mark == halted.high_water_mark
        assert skipped["reason"] == SkipReason.DESK_HALTED
        assert (reset.mode, copied["outcome"]) == (DeskMode.TRADING, "copy")
        assert lost.mode is DeskMode.TRADING
        assert trail == [("halt", "limits"), ("reset_refused", "ann"), ("reset", "ann")]


async def test_a_new_high_is_kept_when_the_price_falls_back(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(LIMITS, daily_loss_share=d(1), max_daily_loss_usd=d(10**6))
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        await floor.market("rain")
        await floor.buy("rain")
        (held,) = await floor.open(1)
        await floor.move("rain", "0.90")
        high = await floor.desk_is(lambda row: row.high_water_mark > d(10_600))
        await floor.move("rain", "0.40")
        fallen = await judged(floor, lambda state: (state.equity or START) < START)
        stored = await load_desk(engine, floor.venue.account)

        assert high.high_water_mark <= d(10_000) + held.books.shares * d("0.41")
        assert stored.high_water_mark >= high.high_water_mark
        assert fallen.high_water_mark == stored.high_water_mark
