"""How likely the best of many configurations is best by luck."""

import itertools

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats

SLICES_MAX = 20
"""184,756 splits; more would only take memory."""


def pbo(returns: ArrayLike, slices: int = 16) -> float:
    """Return the probability of backtest overfitting by combinatorially symmetric cross-validation.

    `returns` is (time, strategy), all strategies on the same calendar; every half of the `slices` serves once
    as the sample in which the strategy of the highest Sharpe ratio is chosen (Bailey, Borwein, Lopez de Prado
    and Zhu 2017). The result is the share of splits in which the chosen one ranks in the lower half of the rest.
    The splits depend on each other: on pure noise single results range from .1 to .8.
    Raises ValueError for fewer than 2 strategies, an odd or too large number of slices, fewer than 2 rows to a
    slice, or a strategy that is constant within a half.
    """
    matrix = np.asarray(returns, dtype=np.float64)
    _check(matrix, slices)
    rows = matrix.shape[0] - matrix.shape[0] % slices
    deviation = matrix[:rows].std(0)
    cube = (matrix[:rows] / np.where(deviation > 0, deviation, 1.0)).reshape(slices, rows // slices, -1)
    first, second = cube.sum(1), (cube**2).sum(1)
    chosen = np.zeros((len(_halves(slices)), slices))
    for row, members in enumerate(_halves(slices)):
        chosen[row, list(members)] = 1.0
    inside, outside = (_sharpe(mask, first, second, rows // 2) for mask in (chosen, 1.0 - chosen))
    best = inside.argmax(1)
    won = outside[np.arange(best.size), best]
    rank = (outside <= won[:, None]).sum(1)
    return float(np.mean(rank / (matrix.shape[1] + 1) <= 0.5))


def _check(matrix: Floats, slices: int) -> None:
    if matrix.ndim != 2 or matrix.shape[1] < 2:
        raise ValueError(f"returns must be (time, strategy) with at least 2 strategies, had shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("returns must be finite")
    if slices % 2 or not 2 <= slices <= SLICES_MAX:
        raise ValueError(f"slices must be even and lie in [2, {SLICES_MAX}], was {slices}")
    if matrix.shape[0] < 2 * slices:
        raise ValueError(f"expected at least {2 * slices} rows for {slices} slices, found {matrix.shape[0]}")


def _halves(slices: int) -> list[tuple[int, ...]]:
    return list(itertools.combinations(range(slices), slices // 2))


def _sharpe(mask: Floats, first: Floats, second: Floats, count: int) -> Floats:
    mean = mask @ first / count
    variance = mask @ second / count - mean**2
    if (variance <= 1e-12).any():
        raise ValueError("every strategy must vary in every half of the slices: one was constant in one")
    ratio: Floats = mean / np.sqrt(variance)
    return ratio
