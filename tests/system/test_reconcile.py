"""Reconciliation: whatever somebody ended, lost or forgot, the books come to equal the exchange's."""

import pytest
from sqlalchemy import text

from remora.domain.reasons import DeskMode
from remora.storage.desk import load_desk
from remora.storage.triggers import active_triggers
from schemas.desk import desk_workflow_id
from schemas.position import CloseRequest
from schemas.reconcile import ReconcileResult
from schemas.search_attributes import ACCOUNT, DESK_QUEUE, MODE
from tests.fixtures.desk import WHALES, Desk
from tests.fixtures.twin import OUR_KEY, TwinMarket
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


def codes(found: ReconcileResult) -> dict[str, str]:
    return {one.code.value: one.repair.value for one in found.differences}


def beside_settlement(found: ReconcileResult) -> dict[str, str]:
    """Return the differences but one: whether settlement was followed to its end is a matter of milliseconds."""
    rest = codes(found)
    assert rest.pop("fill_moved", "rolled_forward") == "rolled_forward"
    return rest


async def test_nothing_to_say_when_all_agree(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        await desk.position(await desk.buy(twin_market))
        found = await desk.reconcile()

    said = codes(found)
    # whether settlement was followed to its end before is a matter of milliseconds
    assert said.pop("fill_moved", "rolled_forward") == "rolled_forward"
    assert (said, found.positions) == ({}, 1)


async def test_a_terminated_position_is_adopted_and_closes(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        before = await desk.position(name)
        await desk.handle(name).terminate("by mistake")
        seen = codes(await desk.reconcile(repair=False))
        done = codes(await desk.reconcile())
        # whether settlement was followed to its end before is a matter of milliseconds
        assert seen.pop("fill_moved", "none") == "none"
        assert done.pop("fill_moved", "rolled_forward") == "rolled_forward"
        assert (seen, done) == ({"orphaned_position": "none"}, {"orphaned_position": "adopted"})
        await desk.settled()
        assert codes(await desk.reconcile()) == {}
        view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert (view.state, view.position_id, len(view.orders)) == ("closed", before.id, 2)
    await desk.assert_books_equal()


async def test_a_position_terminated_while_entering_is_settled(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        row = await desk.position(name)
        await desk.handle(name).terminate("by mistake")
        async with desk.engine.begin() as connection:
            await connection.execute(text("UPDATE positions SET state = 'entering', stop_price = NULL"))
            await connection.execute(text("DELETE FROM exit_triggers"))
        await desk.reconcile()
        again = await desk.position(name)

    assert (again.id, again.stop_price) == (row.id, row.stop_price)
    assert [trigger.position_id for trigger in await active_triggers(desk.engine, desk.venue.account)] == [row.id]


async def test_a_terminated_desk_comes_back_paused(desk: Desk) -> None:
    account = desk.venue.account
    async with desk.worker():
        handle = desk.client.get_workflow_handle(desk_workflow_id(account))
        before = await handle.describe()
        await handle.terminate()
        assert codes(await desk.reconcile()) == {"desk_missing": "restarted"}
        after = await handle.describe()
        assert after.task_queue == DESK_QUEUE
        for key in (ACCOUNT, MODE):
            assert after.typed_search_attributes[key] == before.typed_search_attributes[key]
        assert (await load_desk(desk.engine, account)).mode is DeskMode.PAUSED
        assert codes(await desk.reconcile()) == {}


async def test_a_stop_that_nobody_watched_is_swept(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        await desk.position(name)
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.3, ask=0.31)
        assert beside_settlement(await desk.reconcile()) == {"missed_crossing": "signalled"}
        result = await desk.handle(name).result()

    assert result.exit_reason == "stop_loss"
    await desk.assert_books_equal()


async def test_what_nobody_bid_for_is_sold_once_somebody_bids_again(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        await desk.position(name)
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.3, ask=0.31, size=0)
        view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        await desk.position(name, "awaiting_resolution")
        nobody = beside_settlement(await desk.reconcile())
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.3, ask=0.31)
        somebody = beside_settlement(await desk.reconcile())
        result = await desk.handle(name).result()

    assert (view.state, nobody, somebody) == ("awaiting_resolution", {}, {"bid_for_again": "signalled"})
    assert (result.state, result.exit_reason) == ("closed", "operator")
    await desk.assert_books_equal()


async def test_a_resolution_nobody_heard_of_is_told_and_redeemed(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        first, second = await desk.buy(twin_market), await desk.buy(twin_market, whale=WHALES[0])
        await desk.position(first)
        await desk.position(second)
        await desk.twin.post("/resolve", condition_id=twin_market.condition_id, payouts=[0.5, 0.5])
        assert codes(await desk.reconcile())["market_moved_on"] == "signalled"
        ends = [await desk.handle(name).result() for name in (first, second)]
        await desk.settled()
        assert codes(await desk.reconcile()) == {}

    assert [end.exit_reason for end in ends] == ["resolved", "resolved"]
    await desk.assert_books_equal()


async def test_shares_left_in_a_closed_position_are_redeemed(desk: Desk, twin_market: TwinMarket) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        await desk.position(name)
        await desk.handle(name).terminate()
        async with desk.engine.begin() as connection:
            await connection.execute(text("UPDATE positions SET state = 'closed'"))
            await connection.execute(text("DELETE FROM exit_triggers"))
        await desk.twin.post("/resolve", condition_id=twin_market.condition_id, payouts=[1, 0])
        done = codes(await desk.reconcile())
        # whether settlement was followed to its end before is a matter of milliseconds
        assert done.pop("fill_moved", "rolled_forward") == "rolled_forward"
        assert done == {"forgotten_winner": "redeemed"}

    await desk.assert_books_equal()


async def test_what_a_person_trades_by_hand_is_reported_and_left(desk: Desk, twin_market: TwinMarket) -> None:
    client = await desk.twin.secure_client(OUR_KEY)
    resting = await client.place_limit_order(token_id=twin_market.yes, price=0.2, size=10, side="BUY")
    await client.place_market_order(token_id=twin_market.yes, side="BUY", amount=5, max_price=0.99)
    await client.close()
    async with desk.worker():
        found = await desk.reconcile()

    assert set(codes(found)) == {"foreign_order", "foreign_fill", "shares_higher", "cash_lower"}
    assert found.open_questions == 4
    live = [order["id"] for order in (await desk.twin.books())["orders"] if order["status"] == "LIVE"]
    assert resting.ok
    assert live == [str(resting.order_id)]
