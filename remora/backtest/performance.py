"""What a path of daily profits is worth: return, Sharpe ratio, drawdown, ruin. Per day unless it says annual."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from remora.backtest.history import Floats
from remora.backtest.outcome import Outcome, closing_bids, daily_pnl, days_of, ends_of
from remora.backtest.tracks import Tracks
from remora.statistics.sharpe import probabilistic_sharpe

DAYS_PER_YEAR = 365.0
RUIN_SHARE = 0.5
"""Losing half of the capital ends the experiment for most people; the report calls it ruin."""

DAYS_MIN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Shares of capital and of equity; Sharpe ratio per day; lengths in days. None where nothing varied."""

    days: int
    pnl: float
    total_return: float
    sharpe: float | None
    sharpe_annual: float | None
    drawdown: float
    drawdown_days: int
    under_water: float
    ruined: bool
    psr: float | None
    skew: float | None
    kurtosis: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return asdict(self)


def pnl_matrix(outcome: Outcome, tracks: Tracks) -> Floats:
    """Return daily profits, one row per position that bought anything; columns are UTC days from the start."""
    days = days_of(outcome.start, outcome.end)
    filled = outcome.filled
    if not filled:
        return np.zeros((0, days))
    ends = ends_of(outcome.start, days)
    closing: dict[tuple[int, int], Floats] = {}
    for holding in filled:
        key = holding.market, holding.outcome
        if key not in closing:
            closing[key] = closing_bids(tracks[holding.market], holding.outcome, ends)
    return np.stack([daily_pnl(holding, closing[holding.market, holding.outcome], ends) for holding in filled])


def returns_of(daily: Floats, capital: float) -> Floats:
    """Return daily returns on the equity at the start of each day; after ruin to nothing they are 0."""
    before = capital + np.concatenate([[0.0], np.cumsum(daily)[:-1]])
    returns: Floats = np.divide(daily, before, out=np.zeros_like(daily), where=before > 1e-9)
    return returns


def performance(daily: Floats, capital: float) -> Performance:
    """Return what a path of daily dollars on a starting capital came to."""
    equity = capital + np.cumsum(daily)
    returns = returns_of(daily, capital)
    sharpe, skew, kurtosis = moments(returns)
    depth, longest, under = drawdown(np.concatenate([[capital], equity]))
    psr = None
    if sharpe is not None and returns.size >= DAYS_MIN:
        psr = _psr(sharpe, returns.size, skew, kurtosis)
    return Performance(
        days=returns.size,
        pnl=float(daily.sum()),
        total_return=float(daily.sum()) / capital,
        sharpe=sharpe,
        sharpe_annual=None if sharpe is None else sharpe * math.sqrt(DAYS_PER_YEAR),
        drawdown=depth,
        drawdown_days=longest,
        under_water=under,
        ruined=bool((equity <= capital * (1.0 - RUIN_SHARE)).any()),
        psr=psr,
        skew=None if sharpe is None else skew,
        kurtosis=None if sharpe is None else kurtosis,
    )


def _psr(sharpe: float, days: int, skew: float, kurtosis: float) -> float | None:
    try:
        return probabilistic_sharpe(sharpe, days, skew, kurtosis, 0.0)
    except ValueError:
        return None  # the moments leave no variance: nothing can be said


def moments(returns: Floats) -> tuple[float | None, float, float]:
    """Return Sharpe ratio (None if nothing varied), skewness and raw kurtosis."""
    if returns.size < 2:
        return None, 0.0, 3.0
    centred = returns - returns.mean()
    deviation = float(centred.std())
    if deviation <= 1e-12:
        return None, 0.0, 3.0
    z = centred / deviation
    return float(returns.mean()) / deviation, float(np.mean(z**3)), float(np.mean(z**4))


def drawdown(equity: Floats) -> tuple[float, int, float]:
    """Return the deepest fall from a peak as a share of it, the longest time below a peak, and its share."""
    peak = np.maximum.accumulate(equity)
    below = np.divide(peak - equity, peak, out=np.zeros_like(equity), where=peak > 0)
    wet = below > 1e-12
    longest = current = 0
    for under in wet.tolist():
        current = current + 1 if under else 0
        longest = max(longest, current)
    return float(below.max(initial=0.0)), longest, float(wet.mean())


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return the quantiles that reports show; empty without values."""
    if not len(values):
        return {}
    names = ("p5", "p25", "p50", "p75", "p95")
    found = np.quantile(np.asarray(values, dtype=np.float64), (0.05, 0.25, 0.5, 0.75, 0.95))
    return dict(zip(names, map(float, found), strict=True))
