"""What the rules find where there is nothing to find: results exchanged between markets of like price."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bench.numbers import Row
from bench.selection_power import tables
from remora.research.controls import permuted
from remora.research.imports import ImportOptions, import_file
from remora.research.store import ResearchStore
from remora.statistics.scoring import score_records, wallet_records
from remora.statistics.scoring_params import ScoringParams
from remora.venues.twin.scenario.season import season_scenario

SEEDS = int(os.environ.get("REMORA_BENCH_SEEDS", "200"))
RECORDED = Path(os.environ.get("REMORA_BENCH_RECORDED", Path(__file__).parents[2] / "shared" / "data"))
"""Where recorded positions and markets lie; without them only the generated season is measured."""

FILES = ("positions_2023_2026.parquet", "markets.parquet")
RATE = 0.2


async def measure() -> list[Row]:
    """Return in percent how many runs choose anybody, and how many are chosen in the mean."""
    return [row for name, trades, results, as_of in _data() for row in _rows(name, trades, results, as_of)]


def _data() -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame, datetime]]:
    if all((RECORDED / name).exists() for name in FILES):
        with tempfile.TemporaryDirectory(prefix="remora-bench-") as folder:
            store, now = ResearchStore(Path(folder) / "research"), datetime(2026, 11, 1, tzinfo=UTC)
            for name in FILES:
                import_file(store, RECORDED / name, ImportOptions(), now=now, progress=lambda _done, _total: None)
            evidence = store.evidence(as_of=datetime(2026, 6, 1, tzinfo=UTC))
        yield "recorded positions", evidence.trades, evidence.resolutions, evidence.as_of
    season = season_scenario(1)
    trades, results = tables(season)
    known = results[(results["at"] <= season.window_start) & results["payouts"].map(lambda paid: 1.0 in paid)]
    yield "generated season 1", trades[trades["side"] != "MERGE"], known, season.window_start


def without_skill(
    trades: pd.DataFrame, results: pd.DataFrame, as_of: datetime, *, seeds: int
) -> tuple[list[int], list[int]]:
    """Return for each seed how many wallets pass all gates, and how many the test alone would take."""
    params = ScoringParams(half_spread=0.0, fee_rate=0.0, resamples=99, false_discovery_rate=RATE)
    chosen, tested = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        bought, exchanged = permuted(trades, results, rng)
        records, _ = wallet_records(bought, exchanged, as_of=as_of, params=params)
        found = score_records(records, as_of=as_of, params=params, rng=rng)
        chosen.append(len(found.roster))
        tested.append(sum(e.tested is not None and e.tested.q <= RATE for e in found.evidence.values()))
    return chosen, tested


def _rows(name: str, trades: pd.DataFrame, results: pd.DataFrame, as_of: datetime) -> Iterator[Row]:
    counts = without_skill(trades, results, as_of, seeds=SEEDS)
    for what, found in zip(("all gates", "false-discovery test alone"), counts, strict=True):
        share = 100.0 * float(np.mean(np.array(found) > 0))
        mean = float(np.mean(found))
        yield Row(
            f"{name}, {what}", f"runs that choose anybody, nominal {100 * RATE:.0f} %", SEEDS, share, share, "%"
        )
        yield Row(f"{name}, {what}", "chosen in the mean", SEEDS, 100 * mean, 100.0 * max(found), "in 100 runs")
