"""What the rules find where the truth is known: power and false discoveries by length of the record."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from bench.numbers import Row
from remora.statistics.scoring import ScoringResult, score_records, wallet_records
from remora.statistics.scoring_params import ScoringParams
from remora.venues.twin.scenario.model import ExternalMerge, ExternalTrade, Resolved, Scenario
from remora.venues.twin.scenario.season import season_scenario

SEEDS = range(1, 1 + int(os.environ.get("REMORA_BENCH_SEASONS", "10")))
DAYS = (30, 60, 90, 120, 155)
"""Days of record; a season begins 155 days before its live day."""

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "selection-power.svg"


async def measure() -> list[Row]:
    """Return power and false-discovery share in percent, of all rules and of the test alone, and draw them."""
    found: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
    for seed in SEEDS:
        began = time.perf_counter()
        season = season_scenario(seed)
        skilled = {truth.wallet for truth in season.wallets if truth.skilled}
        trades, results = tables(season)
        for days in DAYS:
            as_of = season.window_start - timedelta(days=max(DAYS) - days)
            for name, chosen in _chosen(trades, results, as_of).items():
                counts = (len(chosen & skilled), len(chosen - skilled), len(skilled))
                found.setdefault((name, days), []).append(counts)
        print(f"season {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    _draw(found)
    return [row for (name, days), counts in sorted(found.items()) for row in _rows(name, days, counts)]


def tables(season: Scenario) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a season's trades and results as the scoring reads them."""
    markets = {market.condition_id: market for market in season.markets}
    trades = [
        {
            "at": event.at,
            "wallet": event.wallet,
            "condition_id": event.condition_id,
            "outcome_index": event.outcome_index if isinstance(event, ExternalTrade) else 0,
            "event_id": markets[event.condition_id].event_id,
            "side": event.side.value if isinstance(event, ExternalTrade) else "MERGE",
            "price": float(event.price) if isinstance(event, ExternalTrade) else 0.5,
            "size": float(event.size),
            "fee_rate": float(markets[event.condition_id].fee_rate),
        }
        for event in season.events
        if isinstance(event, ExternalTrade | ExternalMerge)
    ]
    results = [
        {"at": event.at, "condition_id": event.condition_id, "payouts": tuple(map(float, event.payouts))}
        for event in season.events
        if isinstance(event, Resolved)
    ]
    return pd.DataFrame(trades), pd.DataFrame(results)


def _chosen(trades: pd.DataFrame, results: pd.DataFrame, as_of: datetime) -> dict[str, set[str]]:
    params = ScoringParams(resamples=199)
    known = results[results["at"] <= as_of]
    records, _ = wallet_records(trades[trades["at"] <= as_of], known, as_of=as_of, params=params)
    result: ScoringResult = score_records(records, as_of=as_of, params=params, rng=np.random.default_rng(0))
    tested = {
        wallet
        for wallet, evidence in result.evidence.items()
        if evidence.tested is not None and evidence.tested.q <= params.false_discovery_rate
    }
    return {"all gates": {place.wallet for place in result.roster}, "false-discovery test alone": tested}


def _rows(name: str, days: int, counts: list[tuple[int, int, int]]) -> list[Row]:
    right, wrong, skilled = (sum(column) for column in zip(*counts, strict=True))
    power = 100 * right / skilled
    shares = [100 * w / (r + w) if r + w else 0.0 for r, w, _ in counts]
    share = float(np.mean(shares))
    where = f"{name}, {days} days"
    return [
        Row(where, f"power: {right} of {skilled} skilled wallets", len(counts), power, power, "%"),
        Row(where, f"false discoveries: {wrong}, mean share", len(counts), share, max(shares), "%"),
    ]


def _draw(found: dict[tuple[str, int], list[tuple[int, int, int]]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "remora"
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    for name in sorted({name for name, _ in found}):
        rows = {days: _rows(name, days, found[name, days]) for days in DAYS}
        left.plot(DAYS, [rows[days][0].p50 for days in DAYS], marker="o", label=name)
        right.plot(DAYS, [rows[days][1].p50 for days in DAYS], marker="o", label=name)
    right.axhline(20, linestyle="--", color="grey", label="nominal rate")
    for axes, title in ((left, "skilled wallets found, %"), (right, "false among the found, %")):
        axes.set_title(title)
        axes.set_xlabel("days of record")
        axes.set_ylim(-3, 103)
        axes.legend(fontsize=8)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, metadata={"Date": None})
