"""Sharpe ratios and how sure one can be of them; everything is per period, nothing is annualised."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from remora.statistics.arrays import Floats, finite_vector, varies
from remora.statistics.bootstrap import sharpe_block_t
from remora.statistics.sharpe_difference import Method, difference_p_value
from remora.statistics.skill import weighted_sharpe

COEFFICIENT_MAX = 0.97
EULER_GAMMA = 0.5772156649015329


def sharpe(returns: ArrayLike) -> float:
    """Return mean over standard deviation (divisor n); raise ValueError for constant returns."""
    series = varying(returns, at_least=2)
    return float(series.mean() / series.std())


def varying(returns: ArrayLike, *, at_least: int, name: str = "returns") -> Floats:
    """Return the returns as a vector; raise ValueError if they are few, not finite or constant."""
    series = finite_vector(returns, name=name, at_least=at_least)
    if not varies(series):
        raise ValueError(f"{name} must vary, were constant: a Sharpe ratio needs a deviation")
    return series


def ewma_sharpe(returns: ArrayLike, half_life: float) -> tuple[float, float]:
    """Return the exponentially weighted Sharpe ratio and the effective number of observations.

    The last return weighs most, one that is `half_life` periods older half as much; the weighted deviation is
    corrected for the loss of the mean. Raises ValueError for fewer than 2 returns, constant returns, or a half
    life that is not above 0.
    """
    series = varying(returns, at_least=2)
    return weighted_sharpe(series, np.arange(series.size, dtype=np.float64)[::-1], half_life)


def sharpe_hac_se(returns: ArrayLike) -> float:
    """Return the standard error of the Sharpe ratio under autocorrelation and heteroskedasticity.

    The influence series of the ratio is prewhitened by an AR(1), its long-run variance taken with a Parzen
    kernel at Andrews' (1991) bandwidth, and recoloured. Raises ValueError for fewer than 4 or constant returns.
    """
    series = varying(returns, at_least=4)
    scaled = series / series.std()
    n, mean, second = scaled.size, scaled.mean(), float(np.mean(scaled**2))
    influence = second * (scaled - mean) - 0.5 * mean * (scaled**2 - second)
    slope = _first_order(influence)
    noise = influence[1:] - slope * influence[:-1]
    rho = _first_order(noise)
    width = min(2.6614 * (4 * rho**2 / (1 - rho) ** 4 * noise.size) ** 0.2, noise.size - 1.0)
    total = float(noise @ noise) / noise.size
    for lag in range(1, math.ceil(width)):
        x = lag / width
        weight = 1 - 6 * x**2 + 6 * x**3 if x <= 0.5 else 2 * (1 - x) ** 3
        total += 2 * weight * float(noise[lag:] @ noise[:-lag]) / noise.size
    return math.sqrt(max(total, 0.0) * n / (n - 2)) / (1 - slope) / math.sqrt(n)


def _first_order(series: Floats) -> float:
    power = float(series[:-1] @ series[:-1])
    if power == 0.0:
        return 0.0
    return float(np.clip(series[1:] @ series[:-1] / power, -COEFFICIENT_MAX, COEFFICIENT_MAX))


def sharpe_interval(
    returns: ArrayLike, *, level: float, resamples: int, block: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the symmetric interval of the Sharpe ratio that covers it with probability `level`.

    Studentised circular-block bootstrap (Ledoit and Wolf 2008) around the HAC standard error. With fewer than
    about 20 gains or 20 losses no method gives a right lower end.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), was {level}")
    series = varying(returns, at_least=4)
    errors = sharpe_block_t(series, resamples=resamples, block=block, rng=rng)
    half = float(np.quantile(np.abs(errors), level)) * sharpe_hac_se(series)
    centre = sharpe(series)
    return centre - half, centre + half


def probabilistic_sharpe(sharpe: float, n: int, skew: float, kurtosis: float, benchmark: float) -> float:
    """Return the confidence that the true Sharpe ratio exceeds `benchmark` (Bailey and Lopez de Prado 2012).

    `kurtosis` is raw: 3 for a normal. It is one less a p-value, not a probability of skill, and holds for
    independent returns only. Raises ValueError for n below 2 or moments that no distribution has.
    """
    if n < 2:
        raise ValueError(f"n must be at least 2, was {n}")
    scale = math.sqrt(_relative_variance(sharpe, skew, kurtosis))
    return float(ndtr((sharpe - benchmark) * math.sqrt(n - 1) / scale))


def min_track_record(sharpe: float, skew: float, kurtosis: float, benchmark: float, confidence: float) -> float:
    """Return how many observations make `sharpe` exceed `benchmark` with `confidence`.

    Raises ValueError when the Sharpe ratio is not above the benchmark: no record is long enough.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), was {confidence}")
    if not sharpe > benchmark:
        raise ValueError(f"no record is long enough: sharpe {sharpe} is not above the benchmark {benchmark}")
    return (
        1.0 + _relative_variance(sharpe, skew, kurtosis) * (float(ndtri(confidence)) / (sharpe - benchmark)) ** 2
    )


def _relative_variance(sharpe: float, skew: float, kurtosis: float) -> float:
    if not all(map(math.isfinite, (sharpe, skew, kurtosis))):
        raise ValueError(f"moments must be finite, were {sharpe}, {skew}, {kurtosis}")
    if kurtosis < skew**2 + 1 - 1e-9:
        raise ValueError(f"kurtosis must be at least skew ** 2 + 1 = {skew**2 + 1:.4g}, was {kurtosis}; it is raw")
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0:
        raise ValueError(f"the estimated variance of the Sharpe ratio must be above 0, was {variance}")
    return variance


def expected_max_sharpe(trials: int, trials_variance: float) -> float:
    """Return the largest Sharpe ratio to expect of `trials` strategies without skill."""
    if trials < 1 or not trials_variance >= 0:
        raise ValueError(
            f"trials must be at least 1 and their variance not negative, were {trials}, {trials_variance}"
        )
    if trials == 1:
        return 0.0
    bulk, tail = float(ndtri(1 - 1 / trials)), float(ndtri(1 - 1 / (trials * math.e)))
    return math.sqrt(trials_variance) * ((1 - EULER_GAMMA) * bulk + EULER_GAMMA * tail)


def deflated_sharpe(
    sharpe: float, n: int, skew: float, kurtosis: float, trials: int, trials_variance: float
) -> float:
    """Return the probabilistic Sharpe ratio against the best of `trials` without skill (2014).

    `trials` counts every configuration ever tried, `trials_variance` is the variance of their Sharpe ratios.
    """
    return probabilistic_sharpe(sharpe, n, skew, kurtosis, expected_max_sharpe(trials, trials_variance))


def sharpe_difference_test(
    a: ArrayLike, b: ArrayLike, *, method: Method, resamples: int, block: int, rng: np.random.Generator
) -> float:
    """Return the two-sided p-value of equal Sharpe ratios of two series over the same periods.

    `method` is ``"jkm"`` (Jobson and Korkie 1981, Memmel 2003: independent normal returns), ``"hac"`` or
    ``"hac_prewhitened"`` (Parzen kernel), or ``"bootstrap"`` (studentised circular blocks, Ledoit and Wolf
    2008); `resamples`, `block` and `rng` serve the last only. Raises ValueError for unequal lengths, constant
    series, or two series that are the same.
    """
    first, second = varying(a, at_least=8, name="a"), varying(b, at_least=8, name="b")
    return difference_p_value(first, second, method=method, resamples=resamples, block=block, rng=rng)
