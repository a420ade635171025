"""Resampling in blocks, by sums: a Sharpe ratio needs only the sums of x and x squared."""

import math

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats, finite_vector

CHUNK = 64_000
"""Block sums held at once: few enough to stay in the cache of a processor, which is half of the time."""


def block_size(n: int) -> int:
    """Return the default length of a block, ``max(1, round(n ** (1/3)))``."""
    return max(1, round(math.cbrt(n)))


def check_resampling(n: int, *, resamples: int, block: int) -> None:
    """Raise ValueError unless `n` observations give at least two blocks and there is a resample."""
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, was {resamples}")
    if not 1 <= block <= n // 2:
        raise ValueError(f"block must lie in [1, {n // 2}] for {n} observations, was {block}")


def sharpe_block_t(returns: ArrayLike, *, resamples: int, block: int, rng: np.random.Generator) -> Floats:
    """Return the studentised errors ``(SR* - SR) / se*`` of circular-block resamples (Ledoit and Wolf 2008).

    The remainder of n modulo `block` is left out of every resample. A resample without any variation has no
    Sharpe ratio and is left out; ValueError is raised when none is left, or when the returns do not vary.
    """
    series = finite_vector(returns, name="returns", at_least=4)
    check_resampling(series.size, resamples=resamples, block=block)
    deviation = series.std()
    if deviation == 0.0:
        raise ValueError("returns must vary, were constant")
    scaled = series / deviation
    per_chunk = max(1, CHUNK // (series.size // block))
    parts = [
        _errors(scaled, min(per_chunk, resamples - done), block, rng) for done in range(0, resamples, per_chunk)
    ]
    errors = np.concatenate(parts)
    if errors.size == 0:
        raise ValueError("no resample varied: the returns hold too few different values")
    return errors


def _errors(series: Floats, resamples: int, block: int, rng: np.random.Generator) -> Floats:
    n = series.size
    blocks = n // block
    used = blocks * block
    first, second = circular_block_sums(series, block), circular_block_sums(series**2, block)
    start = rng.integers(0, n, (resamples, blocks))
    a, q = first[start], second[start]
    mean, square = a.sum(1) / used, q.sum(1) / used
    variance = square - mean**2
    zeta = square[:, None] * (a - block * mean[:, None]) - 0.5 * mean[:, None] * (q - block * square[:, None])
    spread = (zeta**2).sum(1)
    usable = (variance > 1e-12) & (spread > 1e-24)
    variance, spread, mean = variance[usable], spread[usable], mean[usable]
    error = np.sqrt(spread / (variance**3 * used)) / np.sqrt(used)
    errors: Floats = (mean / np.sqrt(variance) - series.mean() / series.std()) / error
    return errors


def circular_block_sums(series: Floats, block: int) -> Floats:
    """Return, for each start, the sum of `block` values from there on, continued at the beginning."""
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([series, series[: block - 1]]))])
    sums: Floats = running[block:] - running[:-block]
    return sums
