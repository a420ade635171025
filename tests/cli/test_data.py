import json
from pathlib import Path

import pytest

from remora.cli.main import run
from tests.research.files import market_row, parquet, tape_row


@pytest.fixture
def research(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REMORA_RESEARCH_DIR", str(tmp_path / "research"))
    return tmp_path


def test_importing_says_what_became_of_every_row(research: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tape = parquet(research / "tape.parquet", [tape_row(), tape_row(price=1.0)])
    markets = parquet(research / "markets.parquet", [market_row()])

    assert run(["data", "import", str(tape), str(markets), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["format"] for row in told] == ["trades", "markets"]
    assert told[0]["read"] == 2
    assert told[0]["rows"]["trades"] + sum(told[0]["rejected"].values()) == 2
    assert run(["data", "import", str(tape)]) == 0
    assert "already" in capsys.readouterr().out


def test_a_check_fails_on_damage_only(research: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check"]) == 4
    assert "No research store" in capsys.readouterr().err
    run(["data", "import", str(parquet(research / "tape.parquet", [tape_row()]))])
    assert run(["data", "check"]) == 0
    assert "The store is whole." in capsys.readouterr().out
    next((research / "research" / "trades").glob("*.parquet")).unlink()
    assert run(["data", "check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["whole"] is False


def test_a_file_of_no_known_kind_is_a_usage_error(research: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = parquet(research / "other.parquet", [{"a": 1}])

    assert run(["data", "import", str(path)]) == 2
    assert "expected the columns of one kind" in capsys.readouterr().err
