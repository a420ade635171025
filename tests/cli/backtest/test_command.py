"""The command on bad and good input: what it refuses, and with which exit code."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remora.cli.errors import Exit
from remora.cli.main import run

WHALE, CROWD = "0x" + "a1" * 20, "0x" + "b2" * 20
BEGAN = 1_700_000_000


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Write two days of one market in which a whale buys and others trade after it."""
    rows: list[dict[str, Any]] = []
    for hour in range(40):
        price = 0.40 + 0.005 * hour
        at = BEGAN + 3600 * hour
        rows.append(row(at, WHALE if hour % 4 == 0 else CROWD, price, 1000.0))
        rows.append(row(at + 60, CROWD, price, 4000.0))
        rows.append(row(at + 120, CROWD, price - 0.01, 4000.0, side="SELL"))
    path = tmp_path / "tape.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def row(at: int, wallet: str, price: float, size: float, side: str = "BUY") -> dict[str, Any]:
    return {
        "ts": at,
        "wallet": wallet,
        "market": "will-it-rain",
        "outcome_index": 0,
        "side": side,
        "price": price,
        "size": size,
        "winner_index": 0,
        "end_at": BEGAN + 3600 * 80,
    }


def test_a_replay_prints_json_and_ends_well(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["backtest", "--data", str(tape), "--whales", WHALE, "--simulations", "10", "--json"])
    found = json.loads(capsys.readouterr().out)

    assert code == Exit.OK
    assert found["funnel"]["signals"] == 10
    assert found["data"]["trades"] == 120


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--start-date", "2023-11-16", "--end-date", "2023-11-15"], Exit.USAGE, "reversed"),
        (["--start-date", "2024-11-16"], Exit.USAGE, "No trade was recorded"),
        (["--end-date", "2020-01-01"], Exit.USAGE, "The recording runs from 2023-11-14"),
        (["--start-date", "soon"], Exit.USAGE, "expected a date"),
        (["--simulations", "0"], Exit.USAGE, "expected 1 to 100000, found 0"),
        (["--whales", "0x" + "99" * 20], Exit.USAGE, "None of the 1 wallets is in the recording"),
        (["--whales", "moby"], Exit.USAGE, "expected 0x and 40 hexadecimal digits"),
        (["--whales", "top:5"], Exit.REFUSED, "would look ahead"),
        (["--whales", WHALE, "--select"], Exit.USAGE, "found both"),
        (["--latency", "-1"], Exit.USAGE, "between 0 and 86400"),
        (["--latency", "none.json"], Exit.USAGE, "expected measured, seconds or a JSON file"),
        (["--fills", "lucky"], Exit.USAGE, "expected one of pessimistic"),
        (["--capital", "0"], Exit.USAGE, "expected dollars"),
        (["--season", "1"], Exit.USAGE, "found both"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason(
    options: list[str], code: Exit, told: str, tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backtest", "--data", str(tape), *options]) == code
    assert told in capsys.readouterr().err


def test_a_roster_that_knows_the_period_is_refused(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roster = tape.with_name("roster.json")
    roster.write_text(json.dumps({"as_of": "2024-01-01T00:00:00+00:00", "roster": [{"wallet": WHALE}]}))

    assert run(["backtest", "--data", str(tape), "--whales", str(roster)]) == Exit.REFUSED
    assert "would look ahead" in capsys.readouterr().err


def test_an_unknown_number_of_the_policy_is_named(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tape.with_name("policy.toml")
    policy.write_text("stop_los = 0.1\n")

    assert run(["backtest", "--data", str(tape), "--whales", WHALE, "--policy", str(policy)]) == Exit.USAGE
    assert "unknown number 'stop_los'" in capsys.readouterr().err


def test_a_corrupt_file_is_named(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tape.with_name("broken.parquet")
    broken.write_bytes(tape.read_bytes()[:500])

    assert run(["backtest", "--data", str(broken)]) == Exit.USAGE
    assert "cannot be read as Parquet" in capsys.readouterr().err
