"""Orders whose fate the exchange does not tell: bounded patience, a person's finding, and exits that go on."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.tools import Patience
from remora.cli.errors import Exit
from remora.domain.exits import CrossingKind
from remora.domain.ids import OrderDigest
from remora.domain.orders import FillStatus
from remora.storage.fills import fills_of
from remora.storage.orders import orders_of
from remora.storage.triggers import active_triggers
from schemas.position import CloseRequest, OrderChanged, PriceCrossed
from tests.fixtures.desk import WHALES, Desk, utc_now
from tests.fixtures.patience import SOON
from tests.fixtures.twin import TwinMarket
from tests.fixtures.waiting import eventually, until
from tests.system.conftest import Remora
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
Screen = pytest.CaptureFixture[str]


async def arm(desk: Desk, kind: str, **options: Any) -> None:
    await desk.twin.post("/faults", kind=kind, **options)


async def calm(desk: Desk) -> None:
    (await desk.twin.control.delete("/faults")).raise_for_status()


async def requests(desk: Desk, path: str) -> int:
    found = (await desk.twin.get("/faults"))["requests"]
    return sum(count for name, count in found.items() if path in name)


async def sides(desk: Desk) -> list[str]:
    return sorted(order["side"] for order in (await desk.twin.books())["orders"])


async def test_what_an_operator_finds_is_taken_and_gives_way_to_the_exchanges_own_word(
    desk: Desk, twin_market: TwinMarket, remora: Remora, capsys: Screen
) -> None:
    async with desk.worker(patience=SOON):
        # the exchange never saw the first order
        await arm(desk, "server_error")
        never = await desk.buy(twin_market, whale=WHALES[0])
        lost = await desk.position(never, "needs_attention")
        assert await remora("resolve", lost.id) == Exit.USAGE
        assert await remora("resolve", lost.id, "--none", "--by", "ann", "--json") == Exit.OK
        assert (await desk.handle(never).result()).state == "unfilled"
        assert await remora("resolve", lost.id, "--none") == Exit.REFUSED
        await calm(desk)

        # it filled the next two, its replies were lost, and nothing can be looked up
        await arm(desk, "error_after_accept", count=2)
        await arm(desk, "server_error", on="lookups")
        filled = await desk.buy(twin_market, whale=WHALES[1])
        wrong = await desk.buy(twin_market, whale=WHALES[2])
        rows = [await desk.position(name, "needs_attention") for name in (filled, wrong)]
        capsys.readouterr()
        told = ("--filled", "--shares", "7", "--price", "0.5", "--json")
        assert await remora("resolve", rows[0].id, *told) == Exit.OK
        assert json.loads(capsys.readouterr().out)["shares"] == "7.000000"
        guarded = await desk.position(filled)
        assert (guarded.books.shares, guarded.books.fees) == (Decimal(7), Decimal(0))
        assert await remora("resolve", rows[0].id, "--none") == Exit.FAILED
        # a person can be wrong: shares of a position that ended come back into somebody's care
        assert await remora("resolve", rows[1].id, "--none") == Exit.OK
        assert (await desk.handle(wrong).result()).state == "unfilled"
        await calm(desk)

        found = {(one.code.value, one.repair.value) for one in (await desk.reconcile()).differences}
        # whether a settlement moves on in between is a matter of milliseconds
        assert found - {("fill_moved", "rolled_forward")} == {
            ("missed_fill", "rolled_forward"),
            ("held_after_end", "reopened"),
            ("orphaned_position", "adopted"),
        }
        await desk.assert_books_equal()
        again = await desk.position(wrong)
        assert again.id == rows[1].id
        assert {one.position_id for one in await active_triggers(desk.engine, desk.venue.account)} == {
            row.id for row in rows
        }
        # its workflow hears what was booked for it
        corrected = (await desk.position(filled)).books
        assert corrected.shares != 7
        await until(
            lambda: desk.handle(filled).query(PositionWorkflow.state), lambda view: view.shares == corrected.shares
        )
        async with desk.engine.connect() as connection:
            kept = await fills_of(connection, rows[0].id)
        assert [fill.status is FillStatus.FAILED for fill in kept if fill.trade_id.startswith("operator:")] == [
            True
        ]
        for name in (filled, wrong):
            await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    await desk.assert_books_equal()
    assert await sides(desk) == ["BUY", "BUY", "SELL", "SELL"]


async def test_an_exit_neither_waits_for_an_unknown_purchase_nor_gets_lost_itself(
    desk: Desk, twin_market: TwinMarket, remora: Remora
) -> None:
    late = timedelta(0)
    async with desk.worker(patience=SOON, wall=lambda: utc_now() + late):
        name = await desk.buy(twin_market, whale=WHALES[0])
        row = await desk.position(name)
        await arm(desk, "server_error")
        sent = await requests(desk, "POST /order")
        await desk.buy(twin_market, whale=WHALES[0])
        await until(lambda: requests(desk, "POST /order"), lambda now: now > sent)
        late = desk.limits.signal_age_max
        doubtful = await until(
            lambda: desk.handle(name).query(PositionWorkflow.state), lambda view: view.attention is not None
        )
        assert (doubtful.state, doubtful.shares) == ("open", row.books.shares)
        await calm(desk)

        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.3, ask=0.31)
        crossing = PriceCrossed(
            position_id=row.id,
            kind=CrossingKind.STOP_LOSS,
            executable_price=Decimal("0.3"),
            updates=2,
            seen_at=utc_now(),
        )
        await desk.handle(name).signal(PositionWorkflow.price_crossed, crossing)
        # sold before anybody said what became of the purchase
        await desk.position(name, "needs_attention")
        assert await sides(desk) == ["BUY", "SELL"]
        assert await remora("resolve", row.id, "--none") == Exit.OK
        ended = await desk.handle(name).result()
        assert (ended.state, ended.exit_reason) == ("closed", "stop_loss")

        late = timedelta(0)
        # a sale that never arrived is made again as soon as that is known
        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.5, ask=0.51)
        second = await desk.buy(twin_market, whale=WHALES[1])
        held = await desk.position(second)
        await arm(desk, "server_error")
        left = await desk.handle(second).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        assert left.state == "needs_attention"
        await calm(desk)
        assert await remora("resolve", held.id, "--none") == Exit.OK
        assert (await desk.handle(second).result()).exit_reason == "operator"

    await desk.assert_books_equal()
    assert await sides(desk) == ["BUY", "BUY", "SELL", "SELL"]


async def test_a_venue_that_contradicts_itself_stops_nothing_and_is_asked_again(
    desk: Desk, twin_market: TwinMarket
) -> None:
    async with desk.worker(patience=replace(SOON, looks=30)):
        # the trade list says filled, the order says live: the shares are there, nothing more can come
        await arm(desk, "order_shown_live")
        name = await desk.buy(twin_market, whale=WHALES[0])
        row = await desk.position(name)
        assert (row.attention, [one.finished for one in await orders_of(desk.engine, row.id)]) == (None, [True])

        # a part filled, the reply was lost and the order says live: more may come, what is here is guarded
        await arm(desk, "partial_fills", count=1)
        await arm(desk, "error_after_accept", count=1)
        part = await desk.buy(twin_market, whale=WHALES[1])
        doubtful = await until(
            lambda: desk.handle(part).query(PositionWorkflow.state), lambda view: view.attention is not None
        )
        assert (doubtful.state, doubtful.shares > 0, doubtful.stop_price is not None) == ("open", True, True)
        await calm(desk)
        news = OrderChanged(digest=OrderDigest(doubtful.orders[0]), seen_at=utc_now())
        await desk.handle(part).signal(PositionWorkflow.order_changed, news)
        await until(lambda: desk.handle(part).query(PositionWorkflow.state), lambda view: view.attention is None)
        assert (await desk.position(part)).attention is None

        await desk.twin.post("/quotes", token_id=twin_market.yes, bid=0.5, ask=0.51)
        # a cancellation crosses the fill of a delayed order: what it bought is sold
        await arm(desk, "order_delayed", count=1, seconds=0.3)
        late = await desk.buy(twin_market, whale=WHALES[2])

        async def placed() -> bool:
            return len((await desk.twin.books())["orders"]) == 3

        await eventually(placed, "the delayed order at the exchange")
        await desk.handle(late).cancel()
        await desk.position(late, "closed")
        for one in (name, part):
            await desk.handle(one).execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    await desk.assert_books_equal()
    assert await sides(desk) == ["BUY"] * 3 + ["SELL"] * 3


async def test_a_venue_that_takes_no_orders_just_now_does_not_reject_what_was_sent_before(
    desk: Desk, twin_market: TwinMarket
) -> None:
    patient = replace(SOON, looks=60, sends_max=10)
    async with desk.worker(patience=patient):
        # the first sending is lost; the identical bytes then meet every mode in which the venue refuses them
        await arm(desk, "timeout_before_accept", count=1)
        for mode in ("restarting", "post_only", "cancel_only"):
            await arm(desk, mode, count=1)
        name = await desk.buy(twin_market)
        row = await desk.position(name)

    assert await requests(desk, "POST /order") == 5
    happened = (await desk.twin.get("/faults"))["happened"]
    assert [happened[mode] for mode in ("restarting", "post_only", "cancel_only")] == [1, 1, 1]
    [order] = await orders_of(desk.engine, row.id)
    assert (order.state, order.reject_code) == ("done", None)
    assert await sides(desk) == ["BUY"]
    await desk.assert_books_equal()


async def test_an_entry_that_became_stale_is_never_sent_again(desk: Desk, twin_market: TwinMarket) -> None:
    late = timedelta(0)
    patient = Patience(look_pause=timedelta(milliseconds=20), looks=60, resend_after=2, sends_max=1000)
    async with desk.worker(patience=patient, wall=lambda: utc_now() + late):
        await arm(desk, "server_error")
        name = await desk.buy(twin_market)
        await until(lambda: requests(desk, "POST /order"), lambda sent: sent >= 2)
        late = desk.limits.signal_age_max
        seen = await requests(desk, "/data/trades")
        await until(lambda: requests(desk, "/data/trades"), lambda looks: looks >= seen + 3)
        sent = await requests(desk, "POST /order")
        await calm(desk)
        await desk.position(name, "needs_attention")

    assert await requests(desk, "POST /order") == sent
    assert (await desk.twin.books())["orders"] == []
