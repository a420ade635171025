"""Where there is no skill, (almost) nobody is chosen: recorded and generated data with exchanged results."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.selection_noise import RATE, without_skill
from remora.research.imports import ImportOptions, import_file
from remora.research.store import ResearchStore
from remora.venues.twin.scenario.season import season_scenario
from tests.research.seasons import season_rows

RECORDED = Path(__file__).parents[2] / "../shared/data"
SEEDS, REDUCED = 200, 5


def recorded(folder: Path) -> ResearchStore:
    files = [RECORDED / "positions_2023_2026.parquet", RECORDED / "markets.parquet"]
    if not all(path.exists() for path in files):
        pytest.skip(f"optional data folder is absent: {RECORDED}")
    store = ResearchStore(folder / "research")
    for path in files:
        import_file(
            store,
            path,
            ImportOptions(),
            now=datetime(2026, 11, 1, tzinfo=UTC),
            progress=lambda _done, _total: None,
        )
    return store


def check(found: tuple[list[int], list[int]], seeds: int) -> None:
    chosen, tested = (np.array(counts) for counts in found)
    margin = 3 * (RATE * (1 - RATE) / seeds) ** 0.5
    assert (chosen > 0).mean() <= RATE
    assert chosen.mean() <= RATE
    # the test alone, of all tested wallets: with nothing to find, any discovery is false
    assert (tested > 0).mean() <= RATE + margin


@pytest.mark.parametrize("seeds", [REDUCED, pytest.param(SEEDS, marks=pytest.mark.slow)])
def test_exchanged_results_of_recorded_bets_choose_nobody(tmp_path: Path, seeds: int) -> None:
    evidence = recorded(tmp_path).evidence(as_of=datetime(2026, 6, 1, tzinfo=UTC))

    check(without_skill(evidence.trades, evidence.resolutions, evidence.as_of, seeds=seeds), seeds)


@pytest.mark.parametrize("seeds", [REDUCED, pytest.param(SEEDS, marks=pytest.mark.slow)])
def test_exchanged_results_of_a_season_choose_nobody(seeds: int) -> None:
    season = season_scenario(1)
    rows, listed = season_rows(season)
    rows = rows[rows["kind"] == "TRADE"]
    trades = rows.rename(columns={"market": "condition_id", "event_slug": "event_id"}).assign(
        at=pd.to_datetime(rows["ts"], unit="s", utc=True)
    )
    closed = listed[listed["winner_index"].notna()]
    results = pd.DataFrame(
        {
            "at": pd.to_datetime(closed["closed_time"], utc=True, format="ISO8601"),
            "condition_id": closed["market"],
            "payouts": [(1.0 - int(winner), float(winner)) for winner in closed["winner_index"]],
        }
    )
    results = results[results["at"] <= season.window_start]

    check(without_skill(trades, results, season.window_start, seeds=seeds), seeds)
