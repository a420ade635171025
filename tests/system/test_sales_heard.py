"""A whale's sale reaches the position it concerns, late or in disguise, and is followed once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import Side, floor_to
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.trades import TradeSource
from remora.storage.seen import consumed_keys
from schemas.message import ClockMessage
from schemas.position import PositionInput, SignalMessage
from starters.position import deliver_signal
from tests.fixtures.desk import WHALE, Desk, utc_now
from tests.fixtures.twin import TwinMarket
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def trade(
    desk: Desk, market: TwinMarket, side: Side, key: str, *, age: timedelta, first: bool
) -> SignalMessage:
    """Return a whale's trade of the first or the second outcome, `age` ago."""
    then, clock = utc_now() - age, await desk.venue.clock()
    return SignalMessage(
        key=key,
        trade_keys=(key,),
        whale=WalletAddress(WHALE),
        token_id=TokenId(market.yes if first else market.no),
        condition_id=ConditionId(market.condition_id),
        side=side,
        price=Decimal("0.50"),
        size=Decimal(1000),
        happened_at=clock.venue_time(then),
        seen_at=then,
        source=TradeSource.RTDS,
    )


async def test_an_old_purchase_of_the_other_outcome_is_no_copy_and_still_a_sale(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        await desk.position(name)
        old = await trade(desk, twin_market, Side.BUY, "turn", age=timedelta(minutes=5), first=False)
        clock = ClockMessage.of(await desk.venue.clock())
        start = PositionInput(account=desk.venue.account, mode="twin", clock=clock, first=old)
        await deliver_signal(desk.client, start)

        assert (await desk.handle(name).result()).exit_reason == "whale_exit"
        orders = (await desk.twin.books())["orders"]
        assert [order["side"] for order in orders] == ["BUY", "SELL"]
        await desk.assert_books_equal()


async def test_a_sale_that_comes_again_after_a_new_purchase_sells_nothing(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker():
        sale = await trade(desk, twin_market, Side.SELL, "gone", age=timedelta(0), first=True)
        name = await desk.buy(twin_market)
        first = await desk.position(name)
        await desk.handle(name).signal(PositionWorkflow.whale_traded, sale)
        assert (await desk.handle(name).result()).exit_reason == "whale_exit"

        assert await desk.buy(twin_market) == name
        second = await desk.position(name)
        assert second.id != first.id
        await desk.handle(name).signal(PositionWorkflow.whale_traded, sale)
        after = await trade(desk, twin_market, Side.SELL, "gone too", age=timedelta(0), first=True)
        await desk.handle(name).signal(PositionWorkflow.whale_traded, after)

        # the second of the two sales ended it: nobody would have weighed it had the first one done so
        assert (await desk.handle(name).result()).exit_reason == "whale_exit"
        assert await consumed_keys(desk.engine, desk.venue.account, [after.key]) == {after.key}
        sold = [fill for fill in (await desk.twin.books())["fills"] if fill["side"] == "SELL"]
        assert [Decimal(fill["shares"]) for fill in sold] == [
            floor_to(row.books.shares, SHARE_QUANTUM) for row in (first, second)
        ]
        await desk.assert_books_equal()
