"""The read commands show what the database holds, as tables and as JSON."""

import asyncio
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from remora.cli.demo.report import Scene
from remora.cli.demo.screen import Glance, introduction, table
from remora.cli.errors import Exit
from remora.cli.main import app, run
from remora.storage.decisions import list_decisions
from remora.storage.desk import load_desk
from remora.storage.positions import list_positions
from remora.storage.sightings import Sighting, record_sightings
from remora.storage.summary import summarise
from tests.fixtures.postgres import database_url
from tests.storage.test_risk import ACCOUNT, ask, prepared


@pytest.fixture
async def database(engine: AsyncEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    await prepared(engine)
    await ask(engine, 1)
    await ask(engine, 2, who=7)
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("COLUMNS", "240")
    return postgres_url


async def _run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_decisions_carry_their_reasons(database: str) -> None:
    result = await _run("decisions", "--json")

    rows = json.loads(result.stdout)
    assert sorted((row["outcome"], row["reason"]) for row in rows) == [("copy", None), ("skip", "not_on_roster")]


async def test_a_position_is_found_by_its_id(database: str) -> None:
    (listed,) = json.loads((await _run("positions", "--json")).stdout)

    one = json.loads((await _run("position", listed["id"], "--json")).stdout)

    assert one == listed
    assert one["state"] == "entering"


async def test_whales_are_told_apart(database: str) -> None:
    (one,) = json.loads((await _run("positions", "--by-whale", "--json")).stdout)

    assert (one["positions"], one["open_positions"], float(one["cash_flow"]), float(one["pnl"])) == (1, 1, 0, 0)
    assert one["whale"] in (await _run("positions", "--by-whale")).stdout


async def test_tables_are_for_people(database: str) -> None:
    assert "entering" in (await _run("positions")).stdout
    assert "not_on_roster" in (await _run("decisions", "--reason", "not_on_roster")).stdout


async def test_a_narrow_screen_leaves_ids_and_reasons_whole(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (position,) = json.loads((await _run("positions", "--json")).stdout)

    assert position["id"] in (await _run("positions")).stdout
    assert "not_on_roster" in (await _run("decisions")).stdout


async def test_an_unknown_reason_names_the_known_ones(database: str) -> None:
    result = await _run("decisions", "--reason", "bad_weather")

    assert result.exit_code != 0
    assert "not_on_roster" in str(getattr(result.exception, "next_step", ""))


async def test_sources_are_compared(database: str, engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    facts = {"whale": "0x1", "token_id": "7", "side": "BUY", "kind": "trade", "happened_at": now, "seen_at": now}
    seen = [("a", "rtds", 900, None), ("a", "chain", 2000, 1100), ("b", "chain", 2200, None)]
    await record_sightings(
        engine,
        [
            Sighting(trade_key=key, source=source, lag_ms=lag, behind_ms=behind, **facts)  # type: ignore[arg-type]
            for key, source, lag, behind in [*seen, *seen]
        ],
    )

    chain, rtds = json.loads((await _run("sources", "--json")).stdout)

    assert (chain["source"], chain["trades"], chain["first"], chain["behind_ms_p50"]) == ("chain", 2, 1, 1100)
    assert (rtds["source"], rtds["trades"], rtds["first"], rtds["behind_ms_p50"]) == ("rtds", 1, 1, None)
    assert "2100" in (await _run("sources")).stdout


async def _of_the_demo(engine: AsyncEngine) -> str:
    """Return the demo's live table of an account that copied, as text."""
    scene = Scene(
        name="a [tape]",
        notices=(),
        speed=1.0,
        window=("2026-11-01", "2026-11-02"),
        ui_url=None,
        source="named",
        follows=(),
        funnel={},
        overrides={},
        cash=Decimal(1),
    )
    glance = Glance(
        venue_time="2026-11-01T12:00:00",
        progress=0.5,
        done=False,
        desk=await load_desk(engine, ACCOUNT),
        summary=await summarise(engine, ACCOUNT),
        positions=await list_positions(engine, ACCOUNT),
        decisions=await list_decisions(engine, ACCOUNT),
    )
    console = Console(file=io.StringIO(), record=True, width=240)
    console.print(introduction(scene))
    console.print(table(scene, glance))
    shown = console.export_text()
    assert "a [tape]" in shown
    return shown


async def test_what_others_wrote_is_shown_as_it_was_written(database: str, engine: AsyncEngine) -> None:
    odd = "[/b] [red]:fire:\x1b[2J?"
    async with engine.begin() as connection:
        for kind in ("positions", "decisions"):
            await connection.execute(text(f"UPDATE {kind} SET question = :odd"), {"odd": odd})
    (position,) = json.loads((await _run("positions", "--json")).stdout)

    commands = (("positions",), ("decisions",), ("position", position["id"]), ("top", "--once"))
    results = [await _run(*words) for words in commands]
    shown = [*(result.stdout for result in results), await _of_the_demo(engine)]

    assert position["question"] == odd
    assert [result.exit_code for result in results] == [0, 0, 0, 0]
    assert all("[/b] [red]:fire: [2J?" in text for text in shown)
    assert all("\x1b" not in text for text in shown)
    assert "depth around prices is synthetic" in shown[-1]


@pytest.mark.parametrize(("name", "told"), [("nowhere", "does not exist"), ("postgres", "remora up")])
async def test_a_database_that_cannot_be_used_is_an_unavailable_dependency(
    postgres_server: str,
    name: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url(postgres_server, name))

    assert await asyncio.to_thread(run, ["positions"]) == Exit.UNAVAILABLE
    err = capsys.readouterr().err
    assert told in err
    assert "Unexpected" not in err
