"""The long-run covariance against statsmodels' and theory."""

import numpy as np
import pytest

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
