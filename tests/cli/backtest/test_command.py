"""The command on bad and good input: what it refuses, and with which exit code."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from remora.cli.backtest.period import Period
from remora.cli.backtest.request import Asked, requested
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
        (["--latency", "none.json"], Exit.USAGE, "expected measured, ledger, seconds or a JSON file"),
        (["--fills", "lucky"], Exit.USAGE, "expected one of pessimistic"),
        (["--capital", "0"], Exit.USAGE, "expected dollars"),
        (["--season", "1"], Exit.USAGE, "found both"),
        (["--latency", "ledger"], Exit.UNAVAILABLE, "No database"),
        (["--grid", "grid.toml", "--html", "sheet.html"], Exit.USAGE, "no tearsheet"),
        (["--on", "temporal"], Exit.USAGE, "there is no --grid"),
        (["--on", "moon", "--grid", "grid.toml"], Exit.USAGE, "expected here or temporal"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason(
    options: list[str], code: Exit, told: str, tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["backtest", "--data", str(tape), *options]) == code
    assert told in capsys.readouterr().err


def test_a_run_that_is_refused_leaves_no_empty_page(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tape.with_name("sheet.html")

    assert run(["backtest", "--data", str(tape), "--whales", "moby", "--html", str(page)]) == Exit.USAGE
    assert not page.exists()
    assert run(["backtest", "--data", str(tape), "--html", str(tape.parent)]) == Exit.USAGE
    assert "cannot be written" in capsys.readouterr().err


def test_a_grid_over_our_own_latency_needs_a_ledger(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tape.with_name("grid.toml")
    grid.write_text("latency = ['measured', 'ledger']\n")

    asked = ["backtest", "--data", str(tape), "--whales", WHALE, "--grid", str(grid)]
    assert run(asked) == Exit.UNAVAILABLE
    assert "No database" in capsys.readouterr().err


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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("stop_loss = 5", "stop_loss: expected a number from 0 to 1, found 5"),
        ("stop_loss = -0.1", "expected a number from 0 to 1"),
        ("kelly_fraction = -1", "expected a number from 0 to 1"),
        ("whale_share = 1.5", "expected a number from 0 to 1"),
        ("take_profit = nan", "expected a number from 0 to 100"),
        ("entry_orders_per_minute = 0", "expected a whole number from 1"),
        ("drift_ticks = 1.5", "expected a whole number"),
        ("signal_age_max = -1", "signal_age_max: expected seconds from 0"),
        ("signal_age_max = nan", "signal_age_max: expected seconds from 0"),
        ('market_classes = "x"', "market_classes: expected names separated by commas"),
        ('day_zone = "Mars/Olympus"', "day_zone: expected an IANA time zone"),
    ],
)
def test_a_number_beyond_its_bounds_is_refused(
    line: str, told: str, tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tape.with_name("policy.toml")
    policy.write_text(line + "\n")

    assert run(["backtest", "--data", str(tape), "--whales", WHALE, "--policy", str(policy)]) == Exit.USAGE
    assert told in " ".join(capsys.readouterr().err.split())


def test_named_wallets_that_are_not_in_the_recording_are_told(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = "0x" + "77" * 20
    asked = ["backtest", "--data", str(tape), "--whales", f"{WHALE},{absent}", "--simulations", "10", "--json"]

    assert run(asked) == Exit.OK
    notices = json.loads(capsys.readouterr().out)["notices"]
    assert f"1 of 2 named wallets is not in the recording: {absent}." in notices


def test_a_roster_of_nobody_is_refused(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roster = tape.with_name("roster.json")
    roster.write_text(json.dumps({"as_of": "2023-01-01T00:00:00+00:00", "roster": []}))

    assert run(["backtest", "--data", str(tape), "--whales", str(roster)]) == Exit.USAGE
    assert "names nobody" in capsys.readouterr().err


def test_a_corrupt_file_is_named(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tape.with_name("broken.parquet")
    broken.write_bytes(tape.read_bytes()[:500])

    for options in ([], ["--start-date", "2023-11-15"]):
        assert run(["backtest", "--data", str(broken), *options]) == Exit.USAGE
        told = capsys.readouterr().err
        assert "cannot be read as Parquet" in told
        assert ".." not in told


@pytest.mark.parametrize(
    "options",
    [
        ["--start-date", "2023-11-16", "--end-date", "2023-11-15"],
        ["--start-date", "2024-11-16"],
        ["--end-date", "2020-01-01"],
    ],
)
def test_days_without_data_are_refused_before_anything_heavy_is_read(tape: Path, options: list[str]) -> None:
    heavy = ("pandas", "scipy", "remora.backtest.sources", "remora.backtest.study")
    script = (
        "import sys; from remora.cli.main import run; code = run(sys.argv[1:]);"
        f"sys.exit(code if not [name for name in {heavy} if name in sys.modules] else 99)"
    )
    done = subprocess.run([sys.executable, "-c", script, "backtest", "--data", str(tape), *options], check=False)

    assert done.returncode == Exit.USAGE


def test_a_grid_of_a_million_points_is_refused_with_an_estimate(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, names = tape.with_name("grid.json"), ("stop_loss", "take_profit", "kelly_fraction")
    grid.write_text(json.dumps({name: [n / 200 for n in range(1, 101)] for name in names}))

    assert run(["backtest", "--data", str(tape), "--whales", WHALE, "--grid", str(grid)]) == Exit.REFUSED
    told = " ".join(capsys.readouterr().err.split())
    assert re.search(r"1,000,000 points, about [\d.,]+ processor hours at the [\d.]+ seconds of one replay", told)
    assert "start with fewer values of stop_loss" in told


def test_gaps_equal_rows_and_missing_results_are_reported_with_their_share_of_capital(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pq.read_table(tape).to_pylist()
    other = [{**row, "market": "will-it-snow", "winner_index": None} for row in rows[:30]]
    late = [{**rows[-1], "ts": BEGAN + 3600 * 79}]
    pq.write_table(pa.Table.from_pylist([*rows, rows[4], *other, *late]), tape)
    policy = tape.with_name("policy.toml")
    policy.write_text("volume_24h_min_usd = 0\nspread_max = 0.5\npre_resolution = 0\nstop_loss = 0.9\n")
    asked = ["--whales", WHALE, "--policy", str(policy), "--fills", "optimistic", "--simulations", "10", "--json"]

    assert run(["backtest", "--data", str(tape), *asked]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    data = found["data"]
    assert (data["gaps"], data["markets_without_result"], data["markets_with_equal_rows"]) == (1, 1, 1)
    assert 0 < data["capital_without_result"] < 1
    assert data["capital_with_equal_rows"] == pytest.approx(1 - data["capital_without_result"])
    assert 0 <= data["capital_over_gaps"] <= 1


def test_a_grid_says_what_the_data_lacks(tape: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tape.with_name("grid.toml")
    grid.write_text("stop_loss = [0.1, 0.2]\nfills = ['optimistic']\n")
    rows = pq.read_table(tape).to_pylist()
    pq.write_table(pa.Table.from_pylist([*rows, rows[4], {**rows[5], "price": 2.0}]), tape)

    asked = ["backtest", "--data", str(tape), "--whales", WHALE, "--grid", str(grid), "--workers", "1"]
    assert run(asked) == Exit.OK
    told = " ".join(capsys.readouterr().out.split())
    assert "2 points." in told
    assert "Rows kept out: 1 price out of range." in told
    assert "Mind: 1 rows equal another one" in told


def test_a_grid_in_several_processes_says_nothing_beside_its_table(tape: Path) -> None:
    grid = tape.with_name("grid.toml")
    grid.write_text("stop_loss = [0.1, 0.2]\nfills = ['optimistic', 'realistic']\n")
    asked = ["backtest", "--data", str(tape), "--whales", WHALE, "--grid", str(grid), "--workers", "2"]
    script = "from remora.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", script, *asked], capture_output=True, text=True, check=False)

    assert done.returncode == Exit.OK
    assert "4 points." in done.stdout
    assert done.stderr == ""


def test_selection_is_scored_as_the_roster_is(
    tape: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMORA_RANK_BY", "edge")
    monkeypatch.setenv("REMORA_UNKNOWN_FEE_RATE", "0.03")
    asked = Asked(
        data=(tape,),
        season=None,
        period=Period(start=None, end=None),
        simulations=10,
        workers=1,
        whales=(),
        select=True,
        latency="5",
        fills="realistic",
        capital=1000.0,
        policy=None,
        assume_end_days=None,
        seed=0,
    )
    made = requested(asked)
    assert (made.spec.rank_by, made.scoring.fee_rate) == ("edge", 0.03)
