"""Reconciliation by its command and its schedule, wrong clocks, and balances that the books cannot explain."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowExecutionStatus

from remora.cli.errors import Exit
from remora.domain.ids import TokenId
from schemas.position import CloseRequest
from starters.reconcile import ensure_schedule
from tests.fixtures.desk import Desk, running_desk, utc_now
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, TwinMarket, address_of, served
from tests.fixtures.waiting import eventually
from tests.system.conftest import Remora
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
Screen = pytest.CaptureFixture[str]
MILLION = 1_000_000


async def test_the_command_and_the_schedule_repair_and_what_nobody_can_explain_is_said(
    desk: Desk, twin_market: TwinMarket, remora: Remora, capsys: Screen
) -> None:
    account = desk.venue.account
    async with desk.worker():
        name = await desk.buy(twin_market)
        row = await desk.position(name)
        await desk.settled()
        assert await remora("reconcile") == Exit.OK
        assert "agree; 1 open positions" in capsys.readouterr().out

        # a terminated position: seen by a dry run, adopted by the schedule
        await desk.handle(name).terminate("by mistake")
        assert await remora("reconcile", "--dry-run", "--json") == Exit.FAILED
        seen = json.loads(capsys.readouterr().out)
        assert ("orphaned_position", "none") in [(one["code"], one["repair"]) for one in seen["differences"]]
        await ensure_schedule(desk.client, account, mode="twin", every=timedelta(seconds=1))
        found = desk.client.get_workflow_handle(row.workflow_id)

        async def adopted() -> bool:
            return (await found.describe()).status is WorkflowExecutionStatus.RUNNING

        await eventually(adopted, "the schedule's reconciliation to adopt the position")
        await desk.client.get_schedule_handle(f"reconcile/{account}").delete()

        # somebody takes money and shares away: reported and alerted, never booked
        exchange = desk.twin.twin.exchange
        ours, theirs = (address_of(key).lower() for key in (OUR_KEY, OTHER_KEY))
        exchange.move_dollars(ours, theirs, 3 * MILLION)
        listing, outcome = exchange.listing_of(TokenId(twin_market.yes)) or pytest.fail("no such market")
        exchange.move_shares(ours, theirs, listing, outcome, 2 * MILLION, utc_now(), "0xabc")
        capsys.readouterr()
        assert await remora("reconcile", "--json") == Exit.FAILED
        told = json.loads(capsys.readouterr().out)
        assert {(one["code"], one["repair"]) for one in told["differences"]} == {
            ("cash_lower", "none"),
            ("shares_lower", "none"),
        }
        assert told["open_questions"] == 2
        async with desk.engine.connect() as connection:
            raised = await connection.scalars(text("SELECT title FROM alerts WHERE kind = 'reconcile'"))
            assert len(set(raised)) == 2
        after = await desk.position(name)
    assert after.books == row.books


@pytest.fixture(params=[60, pytest.param(-60, marks=pytest.mark.slow)], ids=["ahead", "behind"])
async def skewed(
    request: pytest.FixtureRequest, temporal_client: Client, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    """Give a desk whose exchange has a clock that is a minute away from everybody else's."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with served(ahead=timedelta(seconds=request.param)) as twin:
        await twin.fund(OUR_KEY)
        async with running_desk(temporal_client, engine, twin) as made:
            yield made


async def test_a_clock_that_is_a_minute_wrong_loses_and_doubles_nothing(skewed: Desk) -> None:
    market = await skewed.twin.list_market("Is it that late?", price=0.5, category="Politics")
    async with skewed.worker():
        await skewed.twin.post("/faults", kind="error_after_accept", count=1)
        first = await skewed.buy(market)
        await skewed.position(first)
        await skewed.settled()
        assert (await skewed.reconcile()).differences == ()
        await skewed.handle(first).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        await skewed.settled()
        assert (await skewed.reconcile()).differences == ()

    await skewed.assert_books_equal()
    books = await skewed.twin.books()
    assert [order["side"] for order in books["orders"]] == ["BUY", "SELL"]
    assert Decimal(books["cash"]) > 0
