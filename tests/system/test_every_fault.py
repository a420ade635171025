"""Every fault of the exchange, as a position meets it: one order, one fill, equal books, and an end."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.tools import Patience
from remora.domain.limits import Limits
from remora.storage.alert_causes import causes
from remora.storage.orders import orders_of
from remora.storage.positions import list_positions
from schemas.position import CloseRequest, PositionSnapshot
from starters.reconcile import reconcile
from tests.fixtures.desk import WHALES, Desk, utc_now
from tests.fixtures.twin import RunningTwin, TwinMarket
from tests.fixtures.waiting import eventually, until
from tests.workflows.floor import trading_floor
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

QUICK = Patience(
    look_pause=timedelta(milliseconds=20),
    looks=60,
    resend_after=3,
    sale_rounds=3,
    sale_pause=timedelta(milliseconds=20),
)


async def arm(desk: Desk, kind: str, **options: Any) -> None:
    await desk.twin.post("/faults", kind=kind, **({"count": 1} | options))


async def close(desk: Desk, name: str) -> PositionSnapshot:
    return await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))


async def sides(desk: Desk) -> list[str]:
    return [order["side"] for order in (await desk.twin.books())["orders"]]


async def happened(desk: Desk) -> dict[str, int]:
    found: dict[str, int] = (await desk.twin.get("/faults"))["happened"]
    return found


REPLIES = ("cut_mid_reply", "error_after_accept", "rate_limited", "trading_disabled")


async def test_a_reply_of_every_kind_ends_in_one_order_each_way(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker(patience=QUICK):
        for kind, whale in zip(REPLIES, WHALES, strict=True):
            await arm(desk, kind)
            name = await desk.buy(twin_market, whale=whale)
            row = await desk.position(name)
            await arm(desk, kind)
            assert (await close(desk, name)).state == "closed", kind
            assert [one.reject_code for one in await orders_of(desk.engine, row.id)] == [None, None], kind

    assert await sides(desk) == ["BUY", "SELL"] * len(REPLIES)
    assert await happened(desk) == dict.fromkeys(sorted(REPLIES), 2)
    await desk.assert_books_equal()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["timeout_before_accept", "timeout_after_accept"])
async def test_a_reply_that_never_comes_ends_in_one_order_each_way(
    desk: Desk, twin_market: TwinMarket, kind: str
) -> None:
    async with desk.worker(patience=QUICK):
        await arm(desk, kind)
        name = await desk.buy(twin_market)
        await desk.position(name)
        await arm(desk, kind)
        assert (await close(desk, name)).state == "closed"

    assert await sides(desk) == ["BUY", "SELL"]
    assert await happened(desk) == {kind: 2}
    await desk.assert_books_equal()


async def test_a_tick_that_moves_and_a_book_that_fills_in_parts_do_not_keep_us(desk: Desk) -> None:
    # ticks grow from a tenth of a cent to a cent while the order is on its way: its price fits no more
    first, second = [
        await desk.twin.list_market(question, price=0.505, tick_size=0.001, category="Politics")
        for question in ("Will it move?", "Will it move too?")
    ]
    async with desk.worker(patience=QUICK):
        await arm(desk, "tick_in_flight")
        refused = await desk.buy(first, whale=WHALES[0])
        result = await desk.handle(refused).result()
        assert (result.state, result.skip_reason) == ("unfilled", "order_rejected")

        await arm(desk, "partial_fills")
        name = await desk.buy(second, whale=WHALES[1])
        row = await desk.position(name)
        # refused on the way out, signed again on the new tick, filled in parts: sold to the end all the same
        await desk.twin.post("/quotes", token_id=second.yes, bid="0.505", ask="0.506", size="20000")
        await arm(desk, "tick_in_flight")
        await arm(desk, "partial_fills")
        assert (await close(desk, name)).state in ("closed", "awaiting_resolution")
        codes = [one.reject_code for one in await orders_of(desk.engine, row.id)]
        assert "tick_size" in codes
        # whoever made the book thin comes back
        await desk.twin.post("/quotes", token_id=second.yes, bid="0.50", ask="0.51", size="20000")
        await desk.reconcile()
        assert (await desk.handle(name).result()).exit_reason == "operator"

    assert await happened(desk) == {"partial_fills": 2, "tick_in_flight": 2}
    await desk.assert_books_equal()


@pytest.mark.slow
async def test_a_market_that_closes_under_a_sale_is_held_to_its_resolution(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=QUICK):
        name = await desk.buy(twin_market)
        await desk.position(name)
        await arm(desk, "close_in_flight")
        assert (await close(desk, name)).state == "awaiting_resolution"
        await desk.twin.post("/resolve", condition_id=twin_market.condition_id, payouts=[1, 0])
        await desk.reconcile()
        result = await desk.handle(name).result()

    assert (result.exit_reason, await happened(desk)) == ("resolved", {"close_in_flight": 1})
    await desk.assert_books_equal()


@pytest.mark.slow
async def test_settlement_that_fails_is_undone_and_told_and_one_that_lags_is_followed(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=QUICK):
        # a purchase undone leaves nothing to hold
        await arm(desk, "settle_failed")
        gone = await desk.buy(twin_market, whale=WHALES[0])
        result = await desk.handle(gone).result()
        assert (result.state in ("closed", "unfilled"), result.realised_pnl) == (True, 0)
        await desk.assert_books_equal()
        told = await causes(desk.engine, desk.venue.account, now=utc_now(), quiet_for=timedelta(days=1))
        assert "settlement_failed" in {alert.kind for alert in told}

        # one that is tried again, or whose hash is late or missing, becomes final all the same
        for kind, whale in zip(("settle_retrying", "hash_late", "hash_missing"), WHALES[1:], strict=True):
            await arm(desk, kind, seconds=0.2)
            name = await desk.buy(twin_market, whale=whale)
            await desk.position(name)
            assert (await close(desk, name)).state == "closed", kind

    assert await happened(desk) == {"hash_late": 1, "hash_missing": 1, "settle_failed": 1, "settle_retrying": 1}
    await desk.assert_books_equal()


async def test_a_purchase_that_fails_after_its_shares_were_sold_takes_the_sale_with_it(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=QUICK):
        await arm(desk, "settle_failed")
        await arm(desk, "settle_retrying", seconds=1.5)
        name = await desk.buy(twin_market)
        await desk.position(name)
        await close(desk, name)
        result = await desk.handle(name).result()
        assert (await desk.reconcile()).differences == ()

    fills = sorted((fill["side"], fill["status"]) for fill in (await desk.twin.books())["fills"])
    assert fills == [("BUY", "FAILED"), ("SELL", "FAILED")]
    assert (result.state.ended, result.realised_pnl) == (True, 0)
    await desk.assert_books_equal()


@pytest.mark.slow
async def test_a_sale_that_settlement_undoes_is_made_again(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker(patience=QUICK):
        name = await desk.buy(twin_market)
        held = (await desk.position(name)).books.shares
        await arm(desk, "settle_failed")
        await close(desk, name)

        async def sold() -> bool:
            await desk.reconcile()
            rows = await list_positions(desk.engine, desk.venue.account)
            return not rows and sum(map(Decimal, (await desk.twin.books())["shares"].values())) < 1

        await eventually(sold, "the shares to be sold a second time")

    fills = [(fill["side"], fill["status"]) for fill in (await desk.twin.books())["fills"]]
    assert ("SELL", "FAILED") in fills
    assert held > 0
    await desk.assert_books_equal()


@pytest.mark.slow
async def test_a_resolution_of_every_kind_ends_a_position(desk: Desk) -> None:
    kinds = {
        "resolution_proposed": "pre_resolution",
        "resolution_disputed": "pre_resolution",
        "resolution_early": "resolved",
        "resolution_late": "resolved",
        "resolution_fifty_fifty": "resolved",
    }
    async with desk.worker(patience=QUICK):
        markets = [
            await desk.twin.list_market(f"Will {kind} come?", price=0.5, category="Politics") for kind in kinds
        ]
        names = [await desk.buy(market, whale=WHALES[n % len(WHALES)]) for n, market in enumerate(markets)]
        for name in names:
            await desk.position(name)
        for name, market, (kind, reason) in zip(names, markets, kinds.items(), strict=True):
            await desk.twin.post("/faults", kind=kind, market=market.condition_id, seconds=0.3)

            async def ended(name: str = name) -> bool:
                await desk.reconcile()
                return (await desk.handle(name).describe()).close_time is not None

            await eventually(ended, f"the end after {kind}")
            assert (await desk.handle(name).result()).exit_reason == reason, kind

    await desk.assert_books_equal()


@pytest.mark.slow
async def test_streams_that_repeat_reorder_delay_drop_or_fall_silent_lose_and_double_nothing(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin
) -> None:
    limits = Limits(spread_max=Decimal(1), daily_loss_share=Decimal(1), max_daily_loss_usd=Decimal(10**6))
    async with trading_floor(temporal_client, engine, twin, limits) as floor:
        for number, kind in enumerate(("ws_duplicate", "ws_reorder", "ws_delay", "ws_drop", "ws_silent")):
            await floor.market(kind)
            await twin.post("/faults", kind=kind, seconds=0.5, rate=0.7)
            await floor.buy(kind, whale=number % 4)
            await floor.open(1)
            # a stop that is crossed again and again while the streams misbehave, and then no more
            for bid in ("0.30", "0.31", "0.30"):
                await floor.move(kind, bid)
            await twin.control.delete("/faults")
            await floor.move(kind, "0.29")
            # what the streams left wrong in a book, the sweep of a fresh one makes good
            await reconcile(temporal_client, floor.venue.account, mode="twin")
            await floor.open(0)
        found = await list_positions(engine, floor.venue.account, include_ended=True)

    assert [(row.state.value, row.exit_reason) for row in found] == [("closed", "stop_loss")] * 5
    orders = (await twin.books())["orders"]
    assert sorted(order["side"] for order in orders) == ["BUY"] * 5 + ["SELL"] * 5
    assert set((await twin.get("/faults"))["happened"]) >= {"ws_duplicate", "ws_reorder", "ws_delay", "ws_drop"}


@pytest.mark.slow
async def test_an_old_page_of_the_data_api_is_no_lasting_difference(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker(patience=QUICK):
        assert (await desk.reconcile()).differences == ()
        await arm(desk, "data_stale", count=None, seconds=60)
        name = await desk.buy(twin_market)
        await desk.position(name)
        found = await until(desk.reconcile, lambda result: not result.differences)
        await desk.twin.control.delete("/faults")

    assert found.positions == 1
    assert (await happened(desk))["data_stale"] > 0
