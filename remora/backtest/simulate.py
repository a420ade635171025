"""Monte Carlo: other latencies and fills by replaying anew, other histories by drawing event clusters again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import Floats, Listing
from remora.backtest.performance import performance, quantiles
from remora.backtest.run import Case, Replayed, replay

RESAMPLES = 10
"""Histories drawn per replay: which events happen matters far more than which second an order arrives."""

CLUSTERS_MIN = 10
"""With fewer clusters, single events are drawn instead, and the report says that this is too optimistic."""

COLUMNS = ("sharpe", "total_return", "drawdown", "drawdown_days", "under_water", "ruined")
BINS = 40


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which unit is drawn with replacement, and how many of them there are."""

    unit: str
    of_market: dict[int, str]
    clusters: int
    units: int


def grouping(replayed: Replayed, listings: Sequence[Listing]) -> Grouping:
    """Return the largest unit that can be drawn: clusters of correlated events, else events."""
    markets = {holding.market for holding in replayed.outcome.filled}
    clusters = {market: listings[market].cluster for market in markets}
    events = {market: listings[market].event for market in markets}
    count = len(set(clusters.values()))
    if count >= CLUSTERS_MIN:
        return Grouping("cluster", clusters, count, count)
    return Grouping("event", events, count, len(set(events.values())))


def simulate(case: Case, group: Grouping, number: int) -> Floats:
    """Return `RESAMPLES` rows of `COLUMNS`: one replay with other latencies and fills, several draws of events."""
    made = replay(case, seed=(1, number), record=False, costs=case.costs.varied())
    rng = np.random.default_rng([case.spec.seed, 2, number])
    matrix = by_unit(made, group)
    rows = np.zeros((RESAMPLES, len(COLUMNS)))
    for row in range(RESAMPLES):
        rows[row] = (
            drawn(matrix, group, made.outcome.capital, rng)
            if group.units
            else _columns(made.daily, made.outcome.capital)
        )
    return rows


def drawn(matrix: Floats, group: Grouping, capital: float, rng: np.random.Generator) -> list[float]:
    """Return `COLUMNS` of one history in which units were drawn with replacement."""
    weights = rng.multinomial(group.units, np.full(group.units, 1.0 / group.units))
    return _columns(weights.astype(np.float64) @ matrix, capital)


def _columns(daily: Floats, capital: float) -> list[float]:
    found = performance(daily, capital)
    return [
        np.nan if found.sharpe_annual is None else found.sharpe_annual,
        found.total_return,
        found.drawdown,
        float(found.drawdown_days),
        found.under_water,
        float(found.ruined),
    ]


def by_unit(made: Replayed, group: Grouping) -> Floats:
    """Return daily profits, one row per unit; units of the base replay that bought nothing here are zero."""
    places = {unit: place for place, unit in enumerate(sorted(set(group.of_market.values())))}
    matrix = np.zeros((group.units, made.daily.size))
    for holding, path in zip(made.outcome.filled, made.matrix, strict=True):
        unit = group.of_market.get(holding.market)
        if unit is not None:
            matrix[places[unit]] += path
    return matrix


def distribution(rows: Floats, group: Grouping) -> dict[str, Any]:
    """Return what the simulations say: quantiles, chances, and a histogram of Sharpe ratios."""
    sharpe = rows[:, 0][np.isfinite(rows[:, 0])]
    returns = rows[:, 1]
    return {
        "simulations": len(rows),
        "replays": len(rows) // RESAMPLES,
        "unit": group.unit,
        "units": group.units,
        "clusters": group.clusters,
        "sharpe": quantiles(sharpe.tolist()),
        "total_return": quantiles(returns.tolist()),
        "drawdown": quantiles(rows[:, 2].tolist()),
        "drawdown_days": quantiles(rows[:, 3].tolist()),
        "under_water": quantiles(rows[:, 4].tolist()),
        "chance_of_loss": float((returns <= 0).mean()) if len(rows) else 0.0,
        "chance_of_ruin": float(rows[:, 5].mean()) if len(rows) else 0.0,
        "histogram": _histogram(sharpe),
    }


def _histogram(values: NDArray[np.float64]) -> dict[str, list[float]]:
    if values.size == 0 or np.ptp(values) < 1e-9:
        return {"edges": [], "counts": []}
    low, high = np.quantile(values, (0.002, 0.998))
    counts, edges = np.histogram(values, bins=BINS, range=(low, max(high, low + 1e-6)))
    return {"edges": edges.tolist(), "counts": counts.astype(float).tolist()}
