"""Every limit of the desk trips on the exchange: markets move, losses count, entries stop, exits go on."""

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowUpdateFailedError

from remora.domain.limits import Limits
from remora.domain.reasons import DeskMode, SkipReason
from remora.storage.books import our_books
from remora.storage.desk import audit_trail
from starters import desk
from tests.fixtures.twin import RunningTwin

from .floor import trading_floor

pytestmark = pytest.mark.system

d = Decimal
LIMITS = Limits(spread_max=d(1), position_share=d("0.10"), max_position_size_usd=d(1000), stop_loss=d("0.99"))
NO_DAILY = replace(LIMITS, daily_loss_share=d(1), max_daily_loss_usd=d(10**6))


async def test_a_day_of_losses_halts_the_desk_until_a_reset(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    async with trading_floor(temporal_client, engine, twin, replace(LIMITS, stop_loss=d("0.15"))) as floor:
        await floor.crash("rain", "snow", to="0.30")
        halted = await floor.desk_is(lambda row: row.mode is DeskMode.HALTED)
        await floor.market("hail")
        skipped = await floor.buy("hail")
        await floor.open(0)
        account = floor.venue.account
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await desk.reset(temporal_client, account, by="ann", reason="try")
        state = await desk.reset(temporal_client, account, by="ann", reason="accepted", force=True)
        copied = await floor.buy("hail", whale=1)
        await floor.open(1)
        trail = [(row["action"], row["by"]) for row in await audit_trail(engine, account)]

        assert (halted.changed_by, halted.reason.split(":")[0]) == ("limits", "daily_loss")
        assert skipped["reason"] == SkipReason.DESK_HALTED
        assert "the breach persists" in str(refused.value.cause)
        assert (state.mode, copied["outcome"]) == (DeskMode.TRADING, "copy")
        assert trail == [("halt", "limits"), ("reset_refused", "ann"), ("reset", "ann")]
        assert (await our_books(engine, account)).cash == await twin.cash()


async def test_a_drawdown_halves_every_position_and_new_sizes_until_it_is_made_good(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(NO_DAILY, take_profit=d(100), whale_share=d("0.5"))
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        names = ("rain", "snow", "hail")
        for number, name in enumerate(names):
            await floor.market(name)
            await floor.buy(name, whale=number)
        before = {row.id: row.books.shares for row in await floor.open(3)}
        for name in names:
            await floor.move(name, "0.10")
        reduced = await floor.desk_is(lambda row: row.scale < 1)
        after = await floor.open(3)
        while any(row.books.shares > d("0.51") * before[row.id] for row in after):
            after = await floor.open(3)
        await floor.market("fog")
        small = await floor.buy("fog", whale=3)
        for name in names:
            await floor.move(name, "0.90")
        restored = await floor.desk_is(lambda row: row.scale == 1)
        trail = [row["action"] for row in await audit_trail(engine, floor.venue.account)]

        assert reduced.scale == d("0.5")
        assert all(abs(row.books.shares - before[row.id] / 2) <= d("0.02") for row in after)
        assert d(small["terms"]["notional"]) <= d("0.5") * d("0.10") * d(8000)
        assert restored.mode is DeskMode.TRADING
        assert trail == ["reduce", "restore"]


async def test_one_whale_and_one_event_get_their_share_and_no_more(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    async with trading_floor(temporal_client, engine, twin, NO_DAILY) as floor:
        for name in ("ann", "bob", "cid"):
            await floor.market(name, event="who wins", neg_risk=True)
        of_event = [await floor.buy(name, whale=1) for name in ("ann", "bob", "cid")]
        names = ("rain", "snow", "hail", "fog", "ice")
        for name in names:
            await floor.market(name)
        of_whale = [await floor.buy("rain"), await floor.buy("snow")]
        await floor.open(4)
        # down, but above the stop: a sale would free the whale's share again
        await floor.move("rain", "0.45")
        await floor.marked_below(d("0.47"))
        of_whale += [await floor.buy(name) for name in names[2:]]
        exposures = sum(d(row["terms"]["notional"]) for row in of_whale if row["outcome"] == "copy")

        # what is left of an event's share after two purchases is cents, or nothing
        assert [row["outcome"] for row in of_event] == ["copy", "copy", "skip"]
        assert of_event[2]["reason"] == SkipReason.EVENT_LIMIT
        assert sum(d(row["terms"]["notional"]) for row in of_event[:2]) <= d(1500)
        assert of_event[1]["terms"]["bound_by"] == SkipReason.EVENT_LIMIT
        assert of_whale[-1]["reason"] == SkipReason.WHALE_SHARE
        assert SkipReason.WHALE_SHARE in {row["terms"].get("bound_by") or row["reason"] for row in of_whale[2:]}
        assert exposures <= d(3000)


async def test_ten_entries_a_minute_and_cash_are_bounds(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(
        LIMITS,
        position_share=d(1),
        position_share_ceiling=d(1),
        market_share=d(1),
        event_share=d(1),
        whale_share=d(1),
        kelly_fraction=d(1),
        max_position_size_usd=d(10**6),
    )
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        made = []
        for number in range(12):
            await floor.market(f"market {number}", depth_usd=100_000)
            made.append(await floor.buy(f"market {number}", whale=number % 4))
        spent = sum(d(row["terms"]["notional"]) for row in made if row["outcome"] == "copy")
        reasons = [row["reason"] for row in made if row["outcome"] == "skip"]
        orders = len(made) - len(reasons)

        assert made[1]["terms"]["bound_by"] == SkipReason.CASH
        assert set(reasons) <= {SkipReason.CASH, SkipReason.ORDER_RATE}
        await floor.open(orders)
        assert orders <= 10
        assert spent <= d(10_000)
        assert (await our_books(engine, floor.venue.account)).cash == await twin.cash() >= 0


async def test_the_eleventh_entry_within_a_minute_waits_for_nobody(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(LIMITS, position_share=d("0.005"))
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        made = []
        for number in range(11):
            await floor.market(f"market {number}")
            made.append(await floor.buy(f"market {number}", whale=number % 4))

        assert [row["outcome"] for row in made[:10]] == ["copy"] * 10
        assert made[10]["reason"] == SkipReason.ORDER_RATE


async def test_a_loss_in_dollars_halts_before_its_share_of_equity_does(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(LIMITS, max_daily_loss_usd=d(200))
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        await floor.market("rain")
        await floor.buy("rain")
        await floor.open(1)
        await floor.move("rain", "0.38")
        halted = await floor.desk_is(lambda row: row.mode is DeskMode.HALTED)

        assert halted.reason.endswith("of 200.00 allowed today")
        assert d(200) <= d(halted.reason.split()[2]) < d(500)


async def test_one_position_and_one_market_get_their_share_of_what_is_left_after_a_loss(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(NO_DAILY, position_share=d("0.05"), market_share=d("0.10"))
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        for name in ("rain", "snow"):
            await floor.market(name)
        await floor.buy("rain", whale=3)
        await floor.open(1)
        await floor.move("rain", "0.30")
        await floor.marked_below(d("0.35"))
        equity = d(9800)
        alone = [await floor.buy("snow") for _ in range(2)]
        await floor.open(2)
        others = [await floor.buy("snow", whale=1), await floor.buy("snow", whale=2)]
        held = await floor.open(4 if others[1]["outcome"] == "copy" else 3)
        costs = [row.books.cost for row in held if row.question == "Will snow happen?"]

        assert alone[0]["terms"]["bound_by"] == SkipReason.POSITION_LIMIT
        assert alone[1]["reason"] == SkipReason.POSITION_LIMIT
        last = others[1]["terms"].get("bound_by") or others[1]["reason"]
        assert others[0]["outcome"] == "copy"
        assert last == SkipReason.MARKET_LIMIT
        assert max(costs) <= d("0.05") * equity
        assert sum(costs) <= d("0.10") * equity


async def test_no_entry_reaches_the_exchange_after_a_pause_was_answered(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = replace(NO_DAILY, position_share=d("0.0005"), entry_orders_per_minute=1000)
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        account = floor.venue.account
        names = [f"market {number}" for number in range(8)]
        for name in names:
            await floor.market(name)
        stops = []
        for whale in range(2):
            burst = [asyncio.create_task(floor.buy(name, whale=whale)) for name in names]
            await desk.pause(temporal_client, account, by="ann")
            answered = floor.wall()
            made = await asyncio.gather(*burst)
            stops.append((answered, floor.wall()))
            await desk.resume(temporal_client, account, by="ann")
            assert {row["reason"] for row in made} <= {None, SkipReason.DESK_PAUSED}
        orders = (await twin.books())["orders"]
        received = [datetime.fromisoformat(order["received_at"]) for order in orders]

        assert [at for at in received for answered, resumed in stops if answered < at < resumed] == []
