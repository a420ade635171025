"""Long-run covariance of a vector series with a Parzen kernel."""

import numpy as np

from remora.statistics.arrays import Floats

COEFFICIENT_MAX = 0.97
"""Prewhitening never recolours by more than this root."""


def parzen_weight(x: float) -> float:
    """Return the Parzen kernel at ``0 <= x``."""
    if x <= 0.5:
        return 1.0 - 6.0 * x**2 + 6.0 * x**3
    return 2.0 * (1.0 - x) ** 3 if x <= 1.0 else 0.0


def long_run_covariance(series: Floats, *, prewhiten: bool, parameters: int) -> Floats:
    """Return the long-run covariance of the columns of `series` (time, columns), each of mean 0.

    Andrews' (1991) automatic bandwidth from an AR(1) of each column; with `prewhiten`, a VAR(1) is taken out
    first and put back after, its singular values clipped at 0.97. Scaled by ``T / (T - parameters)``.
    """
    if not prewhiten:
        return _kernel_covariance(series, parameters)
    earlier, later = series[:-1], series[1:]
    coefficients = np.linalg.lstsq(earlier, later, rcond=None)[0].T
    left, singular, right = np.linalg.svd(coefficients)
    coefficients = left @ np.diag(np.minimum(singular, COEFFICIENT_MAX)) @ right
    white = later - earlier @ coefficients.T
    recolour = np.linalg.inv(np.eye(series.shape[1]) - coefficients)
    recoloured: Floats = recolour @ _kernel_covariance(white, parameters) @ recolour.T
    return recoloured


def _kernel_covariance(series: Floats, parameters: int) -> Floats:
    n = series.shape[0]
    width = _parzen_bandwidth(series)
    total = series.T @ series / n
    for lag in range(1, int(np.ceil(width))):
        gamma = series[lag:].T @ series[:-lag] / n
        total = total + parzen_weight(lag / width) * (gamma + gamma.T)
    covariance: Floats = total * n / (n - parameters)
    return covariance


def _parzen_bandwidth(series: Floats) -> float:
    n = series.shape[0]
    earlier, later = series[:-1] - series[:-1].mean(0), series[1:] - series[1:].mean(0)
    power = (earlier**2).sum(0)
    rho = np.divide((earlier * later).sum(0), power, out=np.zeros_like(power), where=power > 0)
    rho = np.clip(rho, -COEFFICIENT_MAX, COEFFICIENT_MAX)
    noise = ((later - rho * earlier) ** 2).mean(0) ** 2
    weight = (noise / (1 - rho) ** 4).sum()
    if weight == 0.0:
        return 0.0
    alpha = (4 * rho**2 * noise / (1 - rho) ** 8).sum() / weight
    return float(min(2.6614 * (alpha * n) ** 0.2, n - 1.0))
