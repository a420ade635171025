"""What a position does from a whale's trade to its end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError

from remora.domain.books import OrderBook
from remora.domain.exits import CrossingKind
from remora.domain.ids import TokenId
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.storage.books import our_books
from remora.storage.decisions import list_decisions
from schemas.position import (
    AdjustExitsRequest,
    CloseRequest,
    MarketChanged,
    PriceCrossed,
    Resolution,
    ResolveUnknownRequest,
)
from starters.desk import ensure_desk, pause, resume
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, CONDITION, TOKEN, Stack, d, now

pytestmark = pytest.mark.system


def crossing(position_id: str) -> PriceCrossed:
    return PriceCrossed(
        position_id=position_id, kind=CrossingKind.STOP_LOSS, executable_price=d("0.3"), updates=2, seen_at=now()
    )


async def test_a_stop_loss_is_confirmed_sold_and_closed_within_forty_events(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    view = await stack.reaches("open")
    assert view.position_id is not None
    stack.venue.bid = d("0.30")
    await stack.handle().signal(PositionWorkflow.price_crossed, crossing(view.position_id))
    result = await stack.handle().result()

    assert (result.state, result.exit_reason) == ("closed", "stop_loss")
    assert (await our_books(stack.engine, ACCOUNT)).shares == {}
    assert await stack.history_length() <= 40


async def test_one_bad_tick_does_not_sell(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    view = await stack.reaches("open")
    assert view.position_id is not None
    await stack.handle().signal(PositionWorkflow.price_crossed, crossing(view.position_id))
    await asyncio.sleep(0.5)

    assert (await stack.reaches("open")).shares == view.shares
    assert len(stack.venue.sent) == 1


async def test_cancelling_sells_and_ends_as_cancelled(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    await stack.handle().cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await stack.handle().result()

    assert isinstance(failure.value.cause, CancelledError)
    assert (await stack.handle().query(PositionWorkflow.state)).exit_reason == "cancelled"
    assert (await our_books(stack.engine, ACCOUNT)).shares == {}


async def test_an_operator_closes_and_sees_the_end(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    view = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert (view.state, view.exit_reason) == ("closed", "operator")
    assert view.shares == 0


async def test_a_trade_delivered_fifty_times_makes_one_order(stack: Stack) -> None:
    trade = stack.trade()
    for _ in range(25):
        await stack.deliver(trade)
    await stack.reaches("open")
    await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    await stack.handle().result()
    for _ in range(25):
        await stack.deliver(trade)
    result = await stack.handle().result()

    assert result.skip_reason == "duplicate"
    assert len(stack.venue.sent) == 2


async def test_a_whale_that_sells_half_halves_us(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    stack.venue.holding = d(1000)
    await stack.deliver(stack.trade("k2", side=Side.SELL, size=d(500)))
    for _ in range(100):
        view = await stack.handle().query(PositionWorkflow.state)
        if view.shares < before.shares:
            break
        await asyncio.sleep(0.05)

    assert view.state == "open"
    assert abs(view.shares - before.shares / 2) <= d("0.01")


async def test_crossings_that_come_again_and_again_keep_no_sale_waiting(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stack.deliver(stack.trade())
    view = await stack.reaches("open")
    assert view.position_id is not None
    again, book = crossing(view.position_id), stack.venue.book

    async def book_and_again(token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        await stack.handle().signal(PositionWorkflow.price_crossed, again)
        return await book(token_id, max_age=max_age)

    monkeypatch.setattr(stack.venue, "book", book_and_again)
    await stack.handle().signal(PositionWorkflow.price_crossed, again)
    stack.venue.holding = d(0)
    await stack.deliver(stack.trade("k2", side=Side.SELL, size=d(1000)))
    async with asyncio.timeout(30):
        result = await stack.handle().result()

    assert (result.state, result.exit_reason) == ("closed", "whale_exit")


async def test_a_resolution_pays_fifty_fifty(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    stack.venue.resolve("0.5")
    changed = MarketChanged(
        condition_id=CONDITION,
        accepting_orders=False,
        closed=True,
        resolution=ResolutionStatus.RESOLVED,
        seen_at=now(),
    )
    await stack.handle().signal(PositionWorkflow.market_changed, changed)
    result = await stack.handle().result()

    assert (result.state, result.exit_reason) == ("closed", "resolved")
    assert result.realised_pnl == 0


async def test_a_lost_order_waits_for_an_operator(stack: Stack) -> None:
    stack.venue.lost = True
    await stack.deliver(stack.trade())
    await stack.reaches("needs_attention")
    digest = stack.venue.sent[0]
    assert set(stack.venue.sent) == {digest}
    found = ResolveUnknownRequest(digest=digest, outcome=Resolution.NONE, by="me")
    await stack.handle().execute_update(PositionWorkflow.resolve_unknown, found)

    assert (await stack.handle().result()).state == "unfilled"


async def test_a_refused_order_is_unfilled(stack: Stack) -> None:
    stack.venue.refuse = True
    await stack.deliver(stack.trade())
    result = await stack.handle().result()

    assert (result.state, result.skip_reason) == ("unfilled", "order_rejected")


async def test_a_position_leaves_before_the_resolution_after_days_of_holding(stack: Stack, temporal: Any) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    await temporal.fast_forward(stack.handle(), timedelta(days=11))
    result = await stack.handle().result()

    assert (result.state, result.exit_reason) == ("closed", "pre_resolution")
    assert await stack.history_length() <= 40


async def test_an_unknown_whale_is_skipped(stack: Stack) -> None:
    await stack.deliver(stack.trade(whale="0x" + "bb" * 20))
    handle = stack.client.get_workflow_handle_for(
        PositionWorkflow.run, f"position/{ACCOUNT}/0x{'bb' * 20}/{TOKEN}"
    )

    assert (await handle.result()).skip_reason == "not_on_roster"


async def test_dust_waits_for_the_resolution_and_is_redeemed(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    stack.venue.bid = None
    waiting = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    assert waiting.state == "awaiting_resolution"
    tried = await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    assert tried.state == "awaiting_resolution"
    # what the whale buys meanwhile is not kept for weeks
    await stack.deliver(stack.trade(key="k2", seen_at=now() - timedelta(seconds=29)))
    newest = await until(lambda: list_decisions(stack.engine, ACCOUNT), lambda rows: len(rows) == 2)
    assert (newest[0]["reason"], newest[0]["detail"]) == ("stale", "the position is being left")
    assert (await stack.handle().query(PositionWorkflow.state)).state == "awaiting_resolution"
    stack.venue.resolve("1")
    changed = MarketChanged(
        condition_id=CONDITION,
        accepting_orders=False,
        closed=True,
        resolution=ResolutionStatus.RESOLVED,
        seen_at=now(),
    )
    await stack.handle().signal(PositionWorkflow.market_changed, changed)
    result = await stack.handle().result()

    assert (result.state, result.exit_reason) == ("closed", "resolved")
    assert result.realised_pnl > 0


async def test_partial_fills_are_sold_on(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    view = await stack.reaches("open")
    stack.venue.bid_size = view.shares / 2
    await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    result = await stack.handle().result()

    assert (result.state, len(stack.venue.sent)) == ("closed", 3)


async def test_exits_move_on_request_and_wrong_ones_are_refused(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    moved = await stack.handle().execute_update(
        PositionWorkflow.adjust_exits, AdjustExitsRequest(stop_price=d("0.40"), by="me")
    )
    assert moved.stop_price == d("0.40")
    with pytest.raises(WorkflowUpdateFailedError):
        await stack.handle().execute_update(
            PositionWorkflow.adjust_exits, AdjustExitsRequest(stop_price=d("0.99"), by="me")
        )


async def test_a_later_purchase_is_weighed_with_what_is_held(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    assert await stack.deliver(stack.trade("k2")) == "signalled"
    await asyncio.sleep(0.5)
    view = await stack.handle().query(PositionWorkflow.state)

    assert view.shares == 2 * before.shares
    assert len(stack.venue.sent) == 2
    await stack.deliver(stack.trade("k3"))
    await asyncio.sleep(0.5)
    assert (await list_decisions(stack.engine, ACCOUNT))[0]["reason"] == "position_limit"
    assert len(stack.venue.sent) == 2


async def test_a_paused_desk_skips_entries_and_lets_exits_pass(stack: Stack) -> None:
    await ensure_desk(stack.client, ACCOUNT, mode="twin")
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    assert (await pause(stack.client, ACCOUNT, by="me")).mode == "paused"
    await stack.handle().execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    assert (await stack.handle().result()).state == "closed"
    await stack.deliver(stack.trade("k2"))
    assert (await stack.handle().result()).skip_reason == "desk_paused"

    assert (await resume(stack.client, ACCOUNT, by="me")).mode == "trading"
