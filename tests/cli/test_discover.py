import json
from pathlib import Path

import pytest

from remora.cli.main import run
from tests.research.seasons import season_store


@pytest.fixture(scope="module")
def research(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return season_store(tmp_path_factory.mktemp("season"), 1)[0].root


def test_discover_adds_up_and_explains_the_first(research: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--as-of", "2026-03-02", "--store", str(research)]
    assert run(["discover", *at, "--no-controls", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(told["funnel"].values()) == told["wallets"] == len(told["ranking"])
    assert told["selected"] == sum(row["gate"] is None for row in told["ranking"]) > 0
    assert told["params"]["fee_rate"] == 0.04
    best = told["ranking"][0]
    assert run(["explain", best["wallet"], *at, "--json"]) == 0
    evidence = json.loads(capsys.readouterr().out)
    assert evidence["standing"]["score_low"] == pytest.approx(best["score_low"], abs=5)
    assert run(["explain", best["wallet"], *at]) == 0
    assert f"{best['wallet']}: on the roster, rank 1" in capsys.readouterr().out


def test_the_order_can_be_that_of_the_edge(research: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--as-of", "2026-03-02", "--store", str(research), "--no-controls", "--no-later"]
    assert run(["discover", *options, "--rank-by", "edge", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    edges = [row["edge"] for row in told["ranking"] if row["rank"]]
    assert edges == sorted(edges, reverse=True)
    assert run(["discover", *options, "--rank-by", "luck"]) == 2
    assert run(["discover", *options, "--as-of", "yesterday"]) == 2


def test_fee_and_order_are_the_rosters_unless_asked_for(
    research: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMORA_UNKNOWN_FEE_RATE", "0.02")
    monkeypatch.setenv("REMORA_RANK_BY", "edge")
    at = ["--as-of", "2026-03-02", "--store", str(research), "--json"]
    assert run(["discover", *at, "--no-controls", "--no-later", "--no-learned"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["params"]["fee_rate"], told["params"]["rank_by"]) == (0.02, "edge")
    wallet = told["ranking"][0]["wallet"]
    assert run(["explain", wallet, *at, "--fee-rate", "0.03"]) == 0
    evidence = json.loads(capsys.readouterr().out)
    assert (evidence["params"]["fee_rate"], evidence["params"]["rank_by"]) == (0.03, "edge")


def test_a_report_is_written(research: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    options = ["--as-of", "2026-02-01", "--store", str(research), "--report", str(path)]
    assert run(["discover", *options]) == 0
    assert "left the funnel at" in capsys.readouterr().out
    assert path.read_text().startswith("<!doctype html>")


def test_an_unknown_wallet_fails_with_the_next_step(research: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "0x" + "9" * 40, "--store", str(research)]) == 1
    assert "remora data pull" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["moby", "0x12", "0x" + "z" * 40])
def test_what_is_no_address_is_a_mistake_of_use(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", name, "--store", "nowhere"]) == 2
    assert f"40 hexadecimal digits, found '{name}'" in capsys.readouterr().err
