"""Halting, resetting and flattening the desk, and looking at it, on real servers."""

import json
import os
from pathlib import Path

import pytest

from remora.cli.errors import Exit
from remora.cli.main import run
from tests.cli.conftest import Trading

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
Screen = pytest.CaptureFixture[str]


async def test_a_halt_ends_with_an_audited_reset_only(trading: Trading, capsys: Screen) -> None:
    assert await trading.remora("halt", "--by", "ann", "--reason", "strange") == Exit.OK
    assert "halted (no entries until a reset; exits go on)" in capsys.readouterr().out
    assert await trading.remora("resume") == Exit.REFUSED
    assert await trading.remora("pause") == Exit.REFUSED
    assert await trading.remora("reset") == Exit.USAGE
    assert await trading.remora("reset", "--reason", "  ") == Exit.REFUSED
    assert "needs a reason" in capsys.readouterr().err
    assert await trading.remora("reset", "--by", "bob", "--reason", "looked into it", "--json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["mode"] == "trading"
    assert await trading.remora("reset", "--reason", "again") == Exit.REFUSED
    assert "nothing to reset" in capsys.readouterr().err


async def test_flatten_sells_everything_and_top_shows_it(trading: Trading, capsys: Screen, tmp_path: Path) -> None:
    await trading.buy("k1")
    position = await trading.opened()
    assert await trading.remora("top", "--json") == Exit.OK
    before = json.loads(capsys.readouterr().out)
    assert await trading.remora("top", "--once") == Exit.OK
    assert "Will the fixture hold?" in capsys.readouterr().out
    picture = Path(os.environ.get("REMORA_WRITE_PICTURES", tmp_path)) / "top.svg"
    assert await trading.remora("top", "--once", "--picture", str(picture)) == Exit.OK
    assert "Will" in picture.read_text()

    assert await trading.remora("flatten", "--by", "ann", "--reason", "leaving") == Exit.OK
    assert "Flat: nothing is held" in capsys.readouterr().out
    assert await trading.remora("top", "--json") == Exit.OK
    after = json.loads(capsys.readouterr().out)
    assert await trading.remora("status", "--json") == Exit.FAILED
    status = json.loads(capsys.readouterr().out)["desk"]

    assert [row["id"] for row in before["positions"]] == [position.id]
    assert set(before["limits_used"]) >= {"daily_loss", "drawdown", "whale", "event", "entry_rate", "cash"}
    assert (after["positions"], after["desk"]["mode"]) == ([], "paused")
    assert after["turns"][0]["action"] == "flatten"
    assert (status["mode"], status["positions_open"]) == ("paused", 0)
    assert float((await trading.twin.books())["shares"].get(trading.market.yes, "0")) < 0.01


async def test_the_funnel_says_what_stops_signals(trading: Trading, capsys: Screen) -> None:
    assert await trading.remora("pause") == Exit.OK
    for number in range(21):
        await trading.buy(f"k{number}")
    capsys.readouterr()
    for _ in range(1500):
        assert await trading.remora("funnel", "--since", "24h", "--json") == Exit.OK
        found = json.loads(capsys.readouterr().out)
        if found["signals"] == 21:
            break
    assert await trading.remora("funnel") == Exit.OK

    assert found["most"] == "desk_paused"
    assert found["stopped"] == [{"reason": "desk_paused", "reached": 21, "stopped": 21, "share": 1.0}]
    assert "remora resume" in found["warning"]
    assert "remora resume" in capsys.readouterr().out


async def test_a_stop_above_the_price_and_a_target_above_one_are_refused(trading: Trading, capsys: Screen) -> None:
    await trading.buy("k1")
    position = await trading.opened()

    assert await trading.remora("adjust", position.id, "--stop", "0.99") == Exit.REFUSED
    assert await trading.remora("adjust", position.id, "--target", "1.2") == Exit.USAGE
    assert await trading.remora("adjust", position.id, "--stop", "0.60", "--target", "0.90") == Exit.REFUSED
    assert "at or above the price" in capsys.readouterr().err
    assert (await trading.opened()).stop_price == position.stop_price


@pytest.mark.parametrize("since", ["soon", "0h", "-3h", "24"])
def test_a_span_is_checked_before_anything_is_looked_up(since: str) -> None:
    assert run(("funnel", "--since", since)) == Exit.USAGE
