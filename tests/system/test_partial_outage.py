"""Reconciling goes on where it can: what one part of the exchange does not tell keeps nothing else waiting."""

from typing import Any

import pytest
from sqlalchemy import text

import activities.reconcile
from remora.domain.reasons import DeskMode
from remora.storage.desk import load_desk
from remora.storage.positions import list_positions
from remora.venues.venue import MarketUnknown, VenueUnavailable
from schemas.reconcile import ReconcileResult
from starters import desk as switch
from tests.fixtures.desk import WHALES, Desk
from tests.fixtures.twin import TwinMarket

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


def said(found: ReconcileResult) -> set[tuple[str, str]]:
    """Return codes and repairs, but for settlement that moved on in between."""
    return {(one.code.value, one.repair.value) for one in found.differences} - {("fill_moved", "rolled_forward")}


@pytest.mark.parametrize(
    ("asked", "part", "error"),
    [
        ("fills", "fills", MarketUnknown("no binary market has the condition 0x1")),
        ("holdings", "totals", VenueUnavailable("reading /v2/positions: status 500")),
        ("markets", "markets", VenueUnavailable("reading markets: status 500")),
    ],
)
async def test_a_stop_is_swept_whatever_else_cannot_be_read(
    desk: Desk, twin_market: TwinMarket, monkeypatch: pytest.MonkeyPatch, asked: str, part: str, error: Exception
) -> None:
    async def unread(*_args: Any, **_options: Any) -> Any:
        raise error

    async with desk.worker():
        name = await desk.buy(twin_market)
        await desk.position(name)
        await desk.settled()
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.3, ask=0.31)
        with monkeypatch.context() as silent:
            silent.setattr(desk.venue, asked, unread)
            found = await desk.reconcile()
            result = await desk.handle(name).result()
        await desk.settled()
        after = await desk.reconcile()

    told = {one.subject: one.detail for one in found.differences if one.code == "not_compared"}
    assert part in told
    assert str(error) in told[part]
    assert ("missed_crossing", "signalled") in said(found)
    assert result.exit_reason == "stop_loss"
    assert said(after) == set()
    await desk.assert_books_equal()


async def test_a_redemption_that_fails_keeps_no_orphan_waiting(
    desk: Desk, twin_market: TwinMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await desk.twin.list_market("Will it wait?", price=0.5, category="Politics")

    async def unsent(*_args: Any, **_options: Any) -> Any:
        raise VenueUnavailable("redeeming: a session key cannot")

    async with desk.worker():
        forgotten, orphan = await desk.buy(twin_market), await desk.buy(other, whale=WHALES[0])
        closed = await desk.position(forgotten)
        await desk.position(orphan)
        for name in (forgotten, orphan):
            await desk.handle(name).terminate("by mistake")
        async with desk.engine.begin() as connection:
            await connection.execute(
                text("UPDATE positions SET state = 'closed' WHERE id = :id"), {"id": closed.id}
            )
            await connection.execute(text("DELETE FROM exit_triggers WHERE position_id = :id"), {"id": closed.id})
        await desk.twin.post("/resolve", condition_id=twin_market.condition_id, payouts=[1, 0])
        with monkeypatch.context() as silent:
            silent.setattr(desk.venue, "redeem", unsent)
            found = await desk.reconcile()
        after = await desk.reconcile()

    assert said(found) == {("forgotten_winner", "none"), ("orphaned_position", "adopted")}
    assert ("forgotten_winner", "redeemed") in said(after)
    await desk.assert_books_equal()


async def test_more_orphans_than_one_answer_carries_are_adopted_one_comparison_after_the_other(
    desk: Desk, twin_market: TwinMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.reconcile, "ORPHANS_AT_ONCE", 1)
    async with desk.worker():
        names = [await desk.buy(twin_market, whale=whale) for whale in WHALES[:3]]
        for name in names:
            await desk.position(name)
        for name in names:
            await desk.handle(name).terminate("by mistake")
        counts = []
        for _ in range(3):
            found = await desk.reconcile()
            counts.append(sum(one.code == "orphaned_position" for one in found.differences))

    assert counts == [2, 1, 0]


async def test_dials_that_an_older_database_forgot_are_put_back(desk: Desk) -> None:
    account = desk.venue.account
    async with desk.worker():
        await switch.pause(desk.client, account, by="ann")
        async with desk.engine.begin() as connection:
            await connection.execute(text("UPDATE desks SET mode = 'trading', scale = 1, revision = 0"))
        seen = await desk.reconcile(repair=False)
        before = await load_desk(desk.engine, account)
        done = await desk.reconcile()
        after = await load_desk(desk.engine, account)
        assert said(await desk.reconcile()) == set()
        resumed = await switch.resume(desk.client, account, by="ann")

    assert (said(seen), before.mode) == ({("desk_behind", "none")}, DeskMode.TRADING)
    assert (said(done), after.mode) == ({("desk_behind", "restored")}, DeskMode.PAUSED)
    assert resumed.mode is DeskMode.TRADING
    assert await list_positions(desk.engine, account) == []
