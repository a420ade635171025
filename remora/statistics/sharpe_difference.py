"""Whether two strategies over the same periods have different Sharpe ratios."""

import math
from typing import Literal

import numpy as np
from scipy.special import ndtr

from remora.statistics.arrays import Floats, same_length
from remora.statistics.bootstrap import check_resampling, circular_block_sums
from remora.statistics.hac import long_run_covariance

ERROR_MIN = 1e-7
"""Rounding alone makes standard errors of this size: two series that are multiples of each other."""

Method = Literal["jkm", "hac", "hac_prewhitened", "bootstrap"]


def difference_p_value(
    a: Floats, b: Floats, *, method: Method, resamples: int, block: int, rng: np.random.Generator
) -> float:
    """Return the two-sided p-value; see :func:`remora.statistics.sharpe.sharpe_difference_test`."""
    same_length(a=a, b=b)
    if method == "jkm":
        return _jobson_korkie_memmel(a, b)
    if method == "bootstrap":
        return _bootstrap(a, b, resamples=resamples, block=block, rng=rng)
    if method not in ("hac", "hac_prewhitened"):
        raise ValueError(f"method must be jkm, hac, hac_prewhitened or bootstrap, was {method!r}")
    distance = abs(float(a.mean() / a.std() - b.mean() / b.std()))
    error = _hac_error(a, b, prewhiten=method == "hac_prewhitened")
    return _two_sided(distance, error)


def _two_sided(distance: float, error: float) -> float:
    if not error > ERROR_MIN:
        raise ValueError("the two series have no Sharpe ratios to tell apart: their difference has no variance")
    return 2.0 * float(ndtr(-distance / error))


def _jobson_korkie_memmel(a: Floats, b: Floats) -> float:
    first, second = a.mean() / a.std(ddof=1), b.mean() / b.std(ddof=1)
    rho = float(np.corrcoef(a, b)[0, 1])
    variance = 2 - 2 * rho + 0.5 * (first**2 + second**2 - 2 * first * second * rho**2)
    return _two_sided(abs(float(first - second)), math.sqrt(max(float(variance), 0.0) / a.size))


def _gradient(moments: Floats) -> Floats:
    mean_a, mean_b, square_a, square_b = moments
    cube_a, cube_b = (square_a - mean_a**2) ** 1.5, (square_b - mean_b**2) ** 1.5
    return np.stack([square_a / cube_a, -square_b / cube_b, -mean_a / (2 * cube_a), mean_b / (2 * cube_b)])


def _hac_error(a: Floats, b: Floats, *, prewhiten: bool) -> float:
    # in the units given: the published bandwidth weighs the columns by their variances
    columns = np.stack([a, b, a**2, b**2])
    moments = columns.mean(1)
    gradient = _gradient(moments)
    covariance = long_run_covariance((columns - moments[:, None]).T, prewhiten=prewhiten, parameters=4)
    return math.sqrt(max(float(gradient @ covariance @ gradient), 0.0) / a.size)


def _bootstrap(a: Floats, b: Floats, *, resamples: int, block: int, rng: np.random.Generator) -> float:
    n = a.size
    check_resampling(n, resamples=resamples, block=block)
    error = _hac_error(a, b, prewhiten=True)
    a, b = a / a.std(), b / b.std()
    difference = float(a.mean() - b.mean())
    if not error > ERROR_MIN:
        raise ValueError("the two series have no Sharpe ratios to tell apart: their difference has no variance")
    sums = np.stack([circular_block_sums(series, block) for series in (a, b, a**2, b**2)])
    start = rng.integers(0, n, (resamples, n // block))
    drawn = sums[:, start]
    used = (n // block) * block
    moments = drawn.sum(2) / used
    variance = moments[2:] - moments[:2] ** 2
    usable = (variance > 1e-12).all(0)
    drawn, moments, variance = drawn[:, usable], moments[:, usable], variance[:, usable]
    zeta = np.einsum("kr,krl->rl", _gradient(moments), drawn - block * moments[:, :, None]) / np.sqrt(block)
    spread = np.sqrt((zeta**2).mean(1) / used)
    ratios = moments[:2] / np.sqrt(variance)
    gap = np.abs(ratios[0] - ratios[1] - difference)
    beyond = int((gap >= abs(difference) / error * spread).sum())
    return (1 + beyond) / (int(usable.sum()) + 1)
