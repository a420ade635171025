"""How likely the best of many configurations is best by luck, and loses once it is chosen."""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats

SLICES_MAX = 20
"""184,756 splits; more would only take memory."""


class OutOfSample(NamedTuple):
    """What became of the strategy that was chosen in one half, in the other: two shares of all splits.

    `pbo`, the probability of backtest overfitting, is the share in which it ranks in the lower half of the rest;
    `loss` the share in which its mean return is negative. Where all strategies are good and alike the first is
    about even and the second 0.
    """

    pbo: float
    loss: float


def pbo(returns: ArrayLike, slices: int = 16) -> float:
    """Return the probability of backtest overfitting alone: see :func:`cross_validated`."""
    return cross_validated(returns, slices).pbo


def cross_validated(returns: ArrayLike, slices: int = 16) -> OutOfSample:
    """Return how the best strategy of a sample does outside, by combinatorially symmetric cross-validation.

    `returns` is (time, strategy), all strategies on the same calendar; every half of the `slices` serves once
    as the sample in which the strategy of the highest Sharpe ratio is chosen (Bailey, Borwein, Lopez de Prado
    and Zhu 2017).
    The splits depend on each other: on pure noise single results of `pbo` range from .1 to .8.
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
    return OutOfSample(pbo=float(np.mean(rank / (matrix.shape[1] + 1) <= 0.5)), loss=float(np.mean(won < 0)))


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
