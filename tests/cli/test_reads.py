"""The read commands show what the database holds, as tables and as JSON."""

import json

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from remora.cli.main import app
from tests.storage.test_risk import ask, prepared


@pytest.fixture
async def database(engine: AsyncEngine, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    await prepared(engine)
    await ask(engine, 1)
    await ask(engine, 2, who=7)
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("COLUMNS", "240")
    return postgres_url


async def _run(*arguments: str) -> Result:
    import asyncio

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


async def test_tables_are_for_people(database: str) -> None:
    assert "entering" in (await _run("positions")).stdout
    assert "not_on_roster" in (await _run("decisions", "--reason", "not_on_roster")).stdout


async def test_an_unknown_reason_names_the_known_ones(database: str) -> None:
    result = await _run("decisions", "--reason", "bad_weather")

    assert result.exit_code != 0
    assert "not_on_roster" in str(getattr(result.exception, "next_step", ""))
