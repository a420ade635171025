"""How long the blocks of a bootstrap should be, from the data (Politis and White 2004, corrected 2009)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats, finite_vector, varies

SIGNIFICANT = 2.0
"""Multiple of ``sqrt(log10(n) / n)`` below which an autocorrelation counts as none."""


def optimal_block_length(series: ArrayLike) -> tuple[float, float]:
    """Return the best block lengths for the mean of a series: stationary bootstrap, circular bootstrap.

    ``b = (2 g^2 / d)^(1/3) n^(1/3)`` with a flat-top window over the autocovariances; d is ``2 s^4`` for the
    stationary and ``4/3 s^4`` for the circular bootstrap, s^2 the spectral density at 0. Both are bounded by
    ``min(3 sqrt(n), n / 3)``; they can be below 1, which for a block means 1. Raises ValueError for fewer than 8
    values or a constant series.
    """
    x = finite_vector(series, name="series", at_least=8)
    if not varies(x):
        raise ValueError("series must vary, was constant: it has no autocorrelation")
    n = x.size
    centred = x - x.mean()
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    run = max(5, int(math.log10(n)))
    most = min(math.ceil(math.sqrt(n)) + run, n - 2)
    covariance = np.zeros(most + 1)
    correlation = np.zeros(most + 1)
    covariance[0] = centred @ centred / n
    for lag in range(1, most + 1):
        earlier, later = centred[: n - lag], centred[lag:]
        covariance[lag] = earlier @ later / n
        # scaled by the power of the two overlapping parts, as in the corrected rule
        power = math.sqrt(float(earlier @ earlier) * float(later @ later))
        correlation[lag] = earlier @ later / power if power > 0 else 0.0
    quiet = _first_quiet_lag(np.abs(correlation), n, run, most)
    bandwidth = most if quiet is None else min(most, 2 * quiet)
    g, long_run = 0.0, covariance[0]
    for lag in range(1, bandwidth + 1):
        share = lag / bandwidth
        window = 1.0 if share <= 0.5 else 2.0 * (1.0 - share)
        g += 2.0 * window * lag * covariance[lag]
        long_run += 2.0 * window * covariance[lag]
    if long_run <= 0:
        return 1.0, 1.0
    lengths = [(2.0 * g**2 / (d * long_run**2)) ** (1.0 / 3.0) * n ** (1.0 / 3.0) for d in (2.0, 4.0 / 3.0)]
    stationary, circular = (min(float(length), float(longest)) for length in lengths)
    return stationary, circular


def _first_quiet_lag(correlation: Floats, n: int, run: int, most: int) -> int | None:
    """Return the first of `run` lags in a row without autocorrelation, None if there are none."""
    quiet = correlation[1:most] < SIGNIFICANT * math.sqrt(math.log10(n) / n)
    for lag in range(1, quiet.size - run + 2):
        if quiet[lag - 1 : lag - 1 + run].all():
            return lag
    return None
