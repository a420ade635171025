"""Every reason for which a position can end, and what is handed on when one ends with trades waiting."""

from dataclasses import replace

import pytest

from remora.domain.exits import CrossingKind
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.domain.reasons import ExitReason
from remora.storage.decisions import list_decisions
from schemas.position import CloseRequest, MarketChanged, PositionResult, PriceCrossed, Reduce
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

from .conftest import ACCOUNT, CONDITION, Stack, d, now

pytestmark = pytest.mark.system


def market_news(*, accepting: bool, resolution: ResolutionStatus = ResolutionStatus.OPEN) -> MarketChanged:
    return MarketChanged(
        condition_id=CONDITION, accepting_orders=accepting, closed=False, resolution=resolution, seen_at=now()
    )


async def ended(stack: Stack) -> tuple[str, str | None]:
    result: PositionResult = await stack.handle().result()
    assert stack.venue.sent
    return result.state, result.exit_reason


@pytest.mark.slow
async def test_a_target_that_is_reached_is_taken(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    view = await stack.reaches("open")
    assert view.position_id is not None
    stack.venue.bid = d("0.80")
    reached = PriceCrossed(
        position_id=view.position_id,
        kind=CrossingKind.TAKE_PROFIT,
        executable_price=d("0.80"),
        updates=2,
        seen_at=now(),
    )
    await stack.handle().signal(PositionWorkflow.price_crossed, reached)

    assert await ended(stack) == ("closed", "take_profit")


async def test_a_whale_that_leaves_takes_us_along(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    await stack.deliver(stack.trade("k2", side=Side.SELL))

    assert await ended(stack) == ("closed", "whale_exit")


@pytest.mark.slow
async def test_a_halt_that_sells_everything_takes_any_price(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    whole = Reduce(share=d(1), reason=ExitReason.HALT, by="limits", key="halt/1")
    await stack.handle().signal(PositionWorkflow.reduce, whole)

    assert await ended(stack) == ("closed", "halt")
    last = stack.venue.orders[stack.venue.sent[-1]]
    assert (last.side, last.limit_price) == (Side.SELL, d("0.01"))


@pytest.mark.slow
async def test_a_halted_market_is_left_once_it_trades_again(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    trading = stack.venue.market
    stack.venue.market = replace(trading, accepting_orders=False)
    await stack.handle().signal(PositionWorkflow.market_changed, market_news(accepting=False))
    await stack.reaches("awaiting_resolution")
    assert len(stack.venue.sent) == 1
    stack.venue.market = trading
    await stack.handle().signal(PositionWorkflow.market_changed, market_news(accepting=True))

    assert await ended(stack) == ("closed", "market_halted")


@pytest.mark.slow
async def test_a_proposed_resolution_is_left_at_once(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    news = market_news(accepting=True, resolution=ResolutionStatus.PROPOSED)
    await stack.handle().signal(PositionWorkflow.market_changed, news)

    assert await ended(stack) == ("closed", "pre_resolution")


@pytest.mark.slow
async def test_a_part_that_is_sold_and_the_rest_at_its_stop(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    before = await stack.reaches("open")
    half = Reduce(share=d("0.5"), reason=ExitReason.REDUCED, by="limits", key="reduction/1")
    await stack.handle().signal(PositionWorkflow.reduce, half)
    view = await until(
        lambda: stack.handle().query(PositionWorkflow.state), lambda view: view.shares < before.shares
    )
    stack.venue.bid = d("0.30")
    stop = PriceCrossed(
        position_id=view.position_id,
        kind=CrossingKind.STOP_LOSS,
        executable_price=d("0.30"),
        updates=2,
        seen_at=now(),
    )
    await stack.handle().signal(PositionWorkflow.price_crossed, stop)

    assert await ended(stack) == ("closed", "stop_loss")


async def test_trades_that_wait_when_a_position_ends_begin_the_next_run_in_their_order(stack: Stack) -> None:
    await stack.deliver(stack.trade())
    await stack.reaches("open")
    first = stack.handle()
    stack.venue.bid = None
    await first.execute_update(PositionWorkflow.close, CloseRequest(by="me"))
    # nobody bids: meanwhile the whale buys again, and leaves
    await stack.deliver(stack.trade("k2"))
    await stack.deliver(stack.trade("k3", side=Side.SELL))
    stack.venue.bid = d("0.49")
    await first.execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert await ended(stack) == ("closed", "whale_exit")
    bought = [stack.venue.orders[digest].side for digest in stack.venue.sent]
    assert bought == [Side.BUY, Side.SELL, Side.BUY, Side.SELL]
    decided = {row["signal_key"]: row["outcome"] for row in await list_decisions(stack.engine, ACCOUNT)}
    assert (decided["k1"], decided["k2"]) == ("copy", "copy")
