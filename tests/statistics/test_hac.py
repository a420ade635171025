"""The long-run covariance against statsmodels' and theory."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal.windows import parzen
from statsmodels.stats.sandwich_covariance import S_hac_simple

from remora.statistics.arrays import Floats
from remora.statistics.hac import long_run_covariance, parzen_weight


def test_the_parzen_kernel_has_its_published_shape() -> None:
    assert [parzen_weight(x) for x in (0.0, 0.5, 1.0, 1.5)] == [1.0, 0.25, 0.0, 0.0]


@pytest.mark.parametrize("prewhiten", [False, True])
def test_a_moving_average_has_the_variance_of_theory(prewhiten: bool) -> None:
    shocks = np.random.default_rng(1).normal(size=(40_001, 2))
    series = shocks[1:] + 0.5 * shocks[:-1]

    found = long_run_covariance(series - series.mean(0), prewhiten=prewhiten, parameters=2)

    np.testing.assert_allclose(found, 2.25 * np.eye(2), atol=0.15)


def test_white_noise_keeps_its_covariance() -> None:
    series = np.random.default_rng(1).normal(size=(20_000, 3)) @ np.diag([1.0, 2.0, 3.0])

    found = long_run_covariance(series - series.mean(0), prewhiten=False, parameters=3)

    np.testing.assert_allclose(np.diag(found), [1.0, 4.0, 9.0], rtol=0.08)


@pytest.mark.parametrize("prewhiten", [False, True])
def test_it_is_symmetric_and_not_negative(prewhiten: bool) -> None:
    series = np.random.default_rng(1).normal(size=(50, 4)).cumsum(0)
    found = long_run_covariance(series - series.mean(0), prewhiten=prewhiten, parameters=4)

    np.testing.assert_allclose(found, found.T, rtol=1e-8)
    assert np.linalg.eigvalsh((found + found.T) / 2).min() > -1e-6 * np.abs(found).max()


@given(share=st.integers(0, 60))
def test_the_kernel_is_scipys_window(share: int) -> None:
    window = parzen(121)  # 60 steps to each side of its middle, and 60.5 to its end

    assert parzen_weight(share / 60.5) == pytest.approx(float(window[60 + share]), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_kernels_sum_is_that_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shocks = rng.normal(size=(301, 2))
    series = shocks[1:] + 0.6 * shocks[:-1]
    series = series - series.mean(0)
    n = len(series)
    # Andrews' (1991) bandwidth, from an AR(1) of each column by least squares
    fits = [sm.OLS(column[1:], sm.add_constant(column[:-1])).fit() for column in series.T]
    rho, power = np.array([fit.params[1] for fit in fits]), np.array([fit.ssr / (n - 1) for fit in fits]) ** 2
    alpha = (4 * rho**2 * power / (1 - rho) ** 8).sum() / (power / (1 - rho) ** 4).sum()
    width = 2.6614 * (alpha * n) ** 0.2

    def weights(_lags: int) -> Floats:
        return np.array([parzen_weight(lag / width) for lag in range(math.ceil(width))])

    expected = S_hac_simple(series, nlags=math.ceil(width) - 1, weights_func=weights) / (n - 2)
    found = long_run_covariance(series, prewhiten=False, parameters=2)

    np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("prewhiten", [False, True])
def test_what_never_moves_has_no_variance(prewhiten: bool) -> None:
    assert (long_run_covariance(np.zeros((20, 2)), prewhiten=prewhiten, parameters=2) == 0).all()


@given(scale=st.floats(1e-3, 1e3))
def test_the_covariance_has_the_square_of_the_unit(scale: float) -> None:
    series = np.random.default_rng(1).normal(size=(60, 2))
    series = series - series.mean(0)

    np.testing.assert_allclose(
        long_run_covariance(series * scale, prewhiten=True, parameters=2),
        scale**2 * long_run_covariance(series, prewhiten=True, parameters=2),
        rtol=1e-6,
        atol=1e-9 * scale**2,
    )
