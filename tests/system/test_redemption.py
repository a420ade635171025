"""Resolved positions become dollars on every kind of market, and a chain that disagrees is told to a person."""

import asyncio
from decimal import Decimal

import pytest

from remora.domain.ids import ConditionId
from remora.storage.positions import PositionRow
from schemas.position import CloseRequest
from schemas.reconcile import ReconcileResult
from tests.fixtures.desk import WHALES, Desk
from tests.fixtures.twin import TwinMarket
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


async def resolve(desk: Desk, market: TwinMarket, *payouts: float) -> ReconcileResult:
    await desk.twin.post("/resolve", condition_id=market.condition_id, payouts=payouts)
    return await desk.reconcile()


async def test_neg_risk_winners_losers_and_halves_leave_nothing_behind(
    desk: Desk, twin_market: TwinMarket, twin_neg_risk_market: TwinMarket
) -> None:
    loser = await desk.twin.list_market("Will it lose?", price=0.4, category="Geopolitics", neg_risk=True)
    async with desk.worker():
        markets = (twin_neg_risk_market, loser, twin_market)
        names = [await desk.buy(market, whale=whale) for market in markets for whale in WHALES[:2]]
        rows = [await desk.position(name) for name in names]
        await resolve(desk, twin_neg_risk_market, 1, 0)
        await resolve(desk, loser, 0, 1)
        await resolve(desk, twin_market, 0.5, 0.5)
        ends = [await desk.handle(name).result() for name in names]
        assert (await desk.reconcile()).differences == ()

    assert {(end.state, end.exit_reason) for end in ends} == {("closed", "resolved")}
    held = [sum(row.books.shares for row in rows[start : start + 2]) for start in (0, 4)]
    books = await desk.twin.books()
    paid = [Decimal(one["dollars"]) for one in books["redemptions"]]
    assert (sorted(paid), books["shares"]) == (sorted([held[0], Decimal(0), held[1] / 2]), {})
    await desk.assert_books_equal()


async def test_a_chain_that_disagrees_needs_a_person_and_says_why(
    desk: Desk, twin_market: TwinMarket, twin_neg_risk_market: TwinMarket
) -> None:
    async with desk.worker():
        reverted, short = await desk.buy(twin_neg_risk_market), await desk.buy(twin_market)
        held = [(await desk.position(name)).books.shares for name in (reverted, short)]

        # an approval is gone: the chain refuses, until it is granted again
        await desk.twin.post("/chain/approvals", address=desk.venue.account)
        await resolve(desk, twin_neg_risk_market, 1, 0)
        row = await desk.position(reverted, "needs_attention")
        assert "the chain refuses the redemption" in (row.attention or "")
        async for _ in desk.venue.chain.approve(await desk.venue.chain.missing_approvals()):
            pass
        assert (await desk.handle(reverted).result()).exit_reason == "resolved"

        # the chain pays less than it promised: what it paid is booked, and a person closes
        await desk.twin.post("/faults", kind="redeem_short")
        await resolve(desk, twin_market, 1, 0)
        row = await desk.position(short, "needs_attention")
        assert f"the payouts promise {held[1]:f}; what it paid is booked" in (row.attention or "")
        assert row.books.redeemed_dollars == held[1] * 9 / 10
        await desk.assert_books_equal()
        await desk.handle(short).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        assert (await desk.handle(short).result()).state == "closed"
        assert (await desk.reconcile()).differences == ()

    assert (await desk.twin.books())["shares"] == {}


async def test_a_short_payout_whose_redeemer_died_is_booked_as_it_was_paid(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker():
        names = [await desk.buy(twin_market, whale=whale) for whale in WHALES[:2]]
        parts = [(await desk.position(name)).books.shares for name in names]
    held = sum(parts)
    await desk.twin.post("/faults", kind="redeem_short")
    await desk.twin.post("/resolve", condition_id=twin_market.condition_id, payouts=[1, 0])
    # the shares are gone, and whoever redeemed them died before a word of it was written
    condition = ConditionId(twin_market.condition_id)
    # twice for one of the two, so that the other books for both
    await desk.twin.post("/faults", kind="data_stale", count=3, seconds=60)
    assert await desk.venue.redeemed(condition) == 0
    assert await desk.venue.redeem(condition) == held * 9 / 10

    async with desk.worker():
        await desk.reconcile()
        # one of them books what both were paid, and then both tell a person what it was
        for name, part in zip(names, parts, strict=True):
            row = await paid(desk, name)
            assert row.books.redeemed_shares == part
            assert abs(row.books.redeemed_dollars - part * 9 / 10) < Decimal("0.0001")
            await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
            assert (await desk.handle(name).result()).state == "closed"
        assert (await desk.reconcile()).differences == ()

    await desk.assert_books_equal()


async def paid(desk: Desk, name: str) -> PositionRow:
    """Return a position once it says what the chain paid."""
    for _ in range(200):
        row = await desk.position(name, "needs_attention")
        if (row.attention or "").startswith("the chain paid"):
            return row
        await asyncio.sleep(0.05)
    raise AssertionError(f"expected what the chain paid, found {row.attention}")
