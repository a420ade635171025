"""How likely the result is the best of many tries: deflated Sharpe ratio, overfitting of a policy grid."""

import itertools
from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

import numpy as np

from remora.backtest.history import Floats
from remora.backtest.performance import Performance
from remora.statistics.overfitting import cross_validated, pbo
from remora.statistics.sharpe import deflated_sharpe, expected_max_sharpe

NEIGHBOURS: Mapping[str, Sequence[str]] = {
    "stop_loss": ("0.10", "0.15", "0.25"),
    "take_profit": ("0.15", "0.30", "0.60"),
    "drift_min_usd": ("0.01", "0.02"),
}
"""Policies near the default, for the question whether choosing among them would have been luck."""

SLICES = 10
NULL_DRAWS = 200


def neighbours() -> list[dict[str, str]]:
    """Return the policies of the grid around the default."""
    return [dict(zip(NEIGHBOURS, values, strict=True)) for values in itertools.product(*NEIGHBOURS.values())]


def deflated(found: Performance, sharpes: Sequence[float]) -> dict[str, Any]:
    """Return the deflated Sharpe ratio against every configuration that was tried on this data.

    `sharpes` holds the daily Sharpe ratio of each, this one included.
    """
    trials = max(1, len(sharpes))
    variance = float(np.var(sharpes, ddof=1)) if trials > 1 else 0.0
    result: dict[str, Any] = {
        "trials": trials,
        "trials_variance": variance,
        "expected_max_sharpe": expected_max_sharpe(trials, variance),
        "dsr": None,
    }
    if found.sharpe is None or found.skew is None or found.kurtosis is None or found.days < 2:
        return result
    try:
        result["dsr"] = deflated_sharpe(found.sharpe, found.days, found.skew, found.kurtosis, trials, variance)
    except ValueError as error:
        result["why_not"] = str(error)
    return result


def overfitting(returns: Floats, rng: np.random.Generator) -> dict[str, Any]:
    """Return PBO over policies (columns) with its null distribution: the same days with random signs.

    `loss_outside` is the share of the `splits` in which the policy chosen in one half loses money in the other.
    Columns that never moved are left out; None with a reason where too little is left.
    """
    alive = returns[:, returns.std(0) > 1e-12] if returns.size else returns
    slices = SLICES
    while slices > 2 and alive.shape[0] < 2 * slices:
        slices -= 2
    result: dict[str, Any] = {"policies": int(alive.shape[1]) if alive.ndim == 2 else 0, "pbo": None, "null": {}}
    try:
        result["pbo"], result["loss_outside"] = cross_validated(_lively(alive, slices), slices)
        result["splits"] = comb(slices, slices // 2)
    except ValueError as error:
        return result | {"why_not": str(error)}
    null = [_flipped(_lively(alive, slices), slices, rng) for _ in range(NULL_DRAWS)]
    known = [value for value in null if value is not None]
    if known:
        result["null"] = {
            "p5": float(np.quantile(known, 0.05)),
            "p50": float(np.median(known)),
            "p95": float(np.quantile(known, 0.95)),
        }
    return result


def _lively(returns: Floats, slices: int) -> Floats:
    """Cut away the days before the first and after the last on which anything moved: halves must vary."""
    moved = np.flatnonzero(np.abs(returns).sum(1) > 0)
    if moved.size == 0:
        return returns
    cut = returns[moved[0] : moved[-1] + 1]
    return cut if cut.shape[0] >= 2 * slices else returns


def _flipped(returns: Floats, slices: int, rng: np.random.Generator) -> float | None:
    signs = rng.choice([-1.0, 1.0], size=(returns.shape[0], 1))
    try:
        return pbo(returns * signs, slices)
    except ValueError:
        return None
