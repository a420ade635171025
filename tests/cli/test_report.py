"""What an account really did, as a tearsheet, beside another report of the same days."""

import json
from pathlib import Path

import pytest

from remora.cli.errors import Exit
from tests.cli.conftest import Trading

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
Screen = pytest.CaptureFixture[str]


async def test_a_real_ledger_makes_a_report_that_stands_beside_another(
    trading: Trading, capsys: Screen, tmp_path: Path
) -> None:
    assert await trading.remora("report") == Exit.FAILED
    assert "Let it trade first" in capsys.readouterr().err
    await trading.buy("k1")
    position = await trading.opened()
    assert await trading.remora("flatten", "--by", "ann", "--reason", "leaving") == Exit.OK
    capsys.readouterr()

    page, sheet = tmp_path / "report.html", tmp_path / "side_by_side.html"
    assert await trading.remora("report", "--json", "--html", str(page)) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps(report))
    assert await trading.remora("report", "--against", str(file), "--json", "--html", str(sheet)) == Exit.OK
    beside = json.loads(capsys.readouterr().out)
    assert await trading.remora("report", "--against", str(file), "--png", str(tmp_path / "s.png")) == Exit.USAGE

    books = await trading.twin.books()
    assert report["spec"]["mode"] == "twin"
    assert (report["funnel"]["signals"], report["funnel"]["closed"]) == (1, 1)
    assert report["money"]["pnl"] == pytest.approx(float(books["cash"]) - float(books["deposits"]), abs=0.01)
    assert f"twin {position.account[:10]}" in page.read_text()
    assert (beside["yardstick"], beside["same_days"]) == ("earlier", True)
    assert [row["gap"] for row in beside["gaps"]] == [0]
    assert "earlier" in sheet.read_text()
