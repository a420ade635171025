"""Sales that the exchange refuses for what waiting does not mend: a person is told why, nothing is lost."""

from datetime import timedelta
from decimal import Decimal

import pytest

from activities.tools import Patience
from remora.domain.ids import TokenId
from remora.domain.reasons import ExitReason
from remora.storage.alert_causes import causes
from remora.storage.books import our_books
from schemas.position import CloseRequest, Reduce
from tests.fixtures.desk import WHALES, Desk, utc_now
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, TwinMarket, address_of
from tests.fixtures.waiting import until
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SOON = Patience(look_pause=timedelta(milliseconds=20), sale_rounds=3, sale_pause=timedelta(milliseconds=10))
MICROS = 1_000_000


def carry(desk: Desk, market: TwinMarket, shares: Decimal, *, back: bool = False) -> None:
    """Move shares from our account to somebody else's, or back, behind our books."""
    exchange = desk.twin.twin.exchange
    keys = (OTHER_KEY, OUR_KEY) if back else (OUR_KEY, OTHER_KEY)
    giver, taker = (address_of(key).lower() for key in keys)
    listing, outcome = exchange.listing_of(TokenId(market.yes)) or pytest.fail("no such market")
    exchange.move_shares(giver, taker, listing, outcome, int(shares * MICROS), utc_now(), "0xabc")


async def told(desk: Desk) -> list[str]:
    found = await causes(desk.engine, desk.venue.account, now=utc_now(), quiet_for=timedelta(days=1))
    return [f"{alert.kind.value}: {alert.body}" for alert in found if alert.kind == "needs_attention"]


async def test_a_sale_without_the_shares_needs_a_person_and_is_made_once_they_are_back(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=SOON):
        name = await desk.buy(twin_market, whale=WHALES[0])
        held = (await desk.position(name)).books.shares
        carry(desk, twin_market, held - 1)
        view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        row = await desk.position(name, "needs_attention")

        assert view.state == "needs_attention"
        assert view.attention == row.attention
        assert "refuses to sell (not_enough_balance)" in (row.attention or "")
        assert f"holds {held:f} shares, the account at the exchange {Decimal(1):f}" in (row.attention or "")
        assert any(str(row.attention) in one for one in await told(desk))
        assert row.books.shares == held

        # the shares come back: the next reconciliation has the sale tried again
        carry(desk, twin_market, held - 1, back=True)
        found = {(one.code.value, one.repair.value) for one in (await desk.reconcile()).differences}
        assert ("bid_for_again", "signalled") in found
        result = await desk.handle(name).result()
        assert (result.state, result.exit_reason) == ("closed", "operator")
        assert await told(desk) == []

    await desk.assert_books_equal()


@pytest.mark.slow
async def test_a_part_that_the_exchange_refuses_is_told_and_the_rest_stays_guarded(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=SOON):
        name = await desk.buy(twin_market, whale=WHALES[0])
        held = (await desk.position(name)).books.shares
        carry(desk, twin_market, held - 1)
        half = Reduce(share=Decimal("0.5"), reason=ExitReason.REDUCED, by="limits", key="half")
        await desk.handle(name).signal(PositionWorkflow.reduce, half)
        view = await until(
            lambda: desk.handle(name).query(PositionWorkflow.state), lambda view: view.attention is not None
        )
        row = await until(lambda: desk.position(name), lambda row: row.attention is not None)

    assert (view.state, view.stop_price is not None, row.attention) == ("open", True, view.attention)


@pytest.mark.slow
async def test_a_resolution_that_pays_for_fewer_shares_than_the_books_hold_is_disputed(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=SOON):
        name = await desk.buy(twin_market, whale=WHALES[0])
        held = (await desk.position(name)).books.shares
        carry(desk, twin_market, held - 1)
        await desk.twin.post("/resolve", condition_id=twin_market.condition_id, payouts=[1, 0])
        await desk.reconcile()
        row = await desk.position(name, "needs_attention")

        assert f"the payouts promise {held:f}; what it paid is booked" in (row.attention or "")
        assert row.books.redeemed_dollars == 1
        assert (await our_books(desk.engine, desk.venue.account)).cash == await desk.twin.cash()
        await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        assert (await desk.handle(name).result()).state == "closed"
