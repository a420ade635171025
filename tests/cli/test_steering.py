"""Closing and adjusting positions and turning the desk from the command line, on real servers."""

import json
from decimal import Decimal

import pytest

from remora.cli.errors import Exit
from remora.cli.main import run
from tests.cli.conftest import Trading

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
Screen = pytest.CaptureFixture[str]


async def test_a_position_is_adjusted_and_closed(trading: Trading, capsys: Screen) -> None:
    await trading.buy("k1")
    position = await trading.opened()

    assert await trading.remora("adjust", position.id, "--stop", "0.31", "--json") == Exit.OK
    after = json.loads(capsys.readouterr().out)
    assert (after["stop_price"], Decimal(after["target_price"])) == ("0.31", position.target_price)

    assert await trading.remora("adjust", position.workflow_id, "--target", "0.30") == Exit.REFUSED
    assert "the stop must lie below the target" in capsys.readouterr().err

    assert await trading.remora("close", position.id, "--reason", "a test") == Exit.OK
    assert "closed (operator)" in capsys.readouterr().out
    assert await trading.remora("close", position.id) == Exit.REFUSED
    assert "is closed (operator) already" in capsys.readouterr().err
    held = (await trading.twin.books())["shares"].get(trading.market.yes, "0")
    assert float(held) < 0.01


async def test_pause_stops_entries_until_resume(trading: Trading, capsys: Screen) -> None:
    assert await trading.remora("pause", "--by", "ann", "--reason", "lunch", "--json") == Exit.OK
    state = json.loads(capsys.readouterr().out)
    assert (state["mode"], state["changed_by"], state["reason"]) == ("paused", "ann", "lunch")

    await trading.buy("k1")
    assert await trading.remora("pause", "--by", "bob") == Exit.OK
    assert "paused (no entries; exits go on)" in (told := capsys.readouterr().out)
    assert "by ann: lunch" in told

    assert await trading.remora("resume", "--by", "ann") == Exit.OK
    assert "trading (entries are allowed)" in capsys.readouterr().out
    await trading.buy("k2")
    assert (await trading.opened()).question == "Will the fixture hold?"
    assert await trading.remora("decisions", "--json") == Exit.OK
    reasons = [row["reason"] for row in json.loads(capsys.readouterr().out)]
    assert reasons == [None, "desk_paused"]


async def test_a_halted_desk_refuses_pause_and_resume(trading: Trading, capsys: Screen) -> None:
    from datetime import UTC, datetime

    from remora.domain.reasons import DeskMode
    from remora.storage.desk import set_desk_mode

    halted = {"by": "limits", "reason": "daily loss", "now": datetime.now(UTC)}
    await set_desk_mode(trading.engine, trading.venue.account, mode=DeskMode.HALTED, **halted)  # type: ignore[arg-type]

    assert await trading.remora("resume") == Exit.REFUSED
    assert "halted" in capsys.readouterr().err


async def test_without_a_worker_the_wait_ends_and_says_so(desk: Trading, capsys: Screen) -> None:
    assert await desk.remora("pause", "--timeout", "1") == Exit.UNAVAILABLE
    assert "No answer from the desk within 1 s" in capsys.readouterr().err


async def test_an_unknown_position_is_told_where_to_look(desk: Trading, capsys: Screen) -> None:
    assert await desk.remora("close", "nothing") == Exit.FAILED
    assert "remora positions --all" in capsys.readouterr().err


async def test_a_position_that_nobody_looks_after_is_told(trading: Trading, capsys: Screen) -> None:
    await trading.buy("k1")
    position = await trading.opened()
    await trading.env.client.get_workflow_handle(position.workflow_id).terminate()

    assert await trading.remora("close", position.id) == Exit.FAILED
    assert "remora reconcile" in capsys.readouterr().err


async def test_a_server_that_is_away_is_an_unavailable_dependency(
    desk: Trading, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")

    assert await desk.remora("pause") == Exit.UNAVAILABLE
    assert "Temporal does not answer at 127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("adjust", "x"), ("adjust", "x", "--stop", "1.2"), ("adjust", "x", "--target", "nan")]
)
def test_a_price_is_asked_for_before_anything_is_looked_up(arguments: tuple[str, ...]) -> None:
    assert run(arguments) == Exit.USAGE
