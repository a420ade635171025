"""The read commands show what the database holds, as tables and as JSON."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner, Result

from remora.cli.main import app
from remora.storage.sightings import Sighting, record_sightings
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


async def test_whales_are_told_apart(database: str) -> None:
    (one,) = json.loads((await _run("positions", "--by-whale", "--json")).stdout)

    assert (one["positions"], one["open_positions"], float(one["cash_flow"]), float(one["pnl"])) == (1, 1, 0, 0)
    assert one["whale"] in (await _run("positions", "--by-whale")).stdout


async def test_tables_are_for_people(database: str) -> None:
    assert "entering" in (await _run("positions")).stdout
    assert "not_on_roster" in (await _run("decisions", "--reason", "not_on_roster")).stdout


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
