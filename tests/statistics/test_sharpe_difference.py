"""Two Sharpe ratios compared: published p-values, size under the null, degenerate input."""

import math
from typing import get_args

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import norm
from statsmodels.stats.sandwich_covariance import S_hac_simple

from remora.statistics.arrays import Floats
from remora.statistics.hac import parzen_weight
from remora.statistics.sharpe import sharpe, sharpe_difference_test
from remora.statistics.sharpe_difference import Method
from tests.statistics.published import published

METHODS: tuple[Method, ...] = get_args(Method)


def p_value(a: Floats, b: Floats, method: Method, seed: int = 1, block: int = 6, resamples: int = 4999) -> float:
    return sharpe_difference_test(
        a, b, method=method, resamples=resamples, block=block, rng=np.random.default_rng(seed)
    )


@pytest.fixture(scope="module")
def funds() -> tuple[Floats, Floats]:
    table = np.genfromtxt(
        published("ledoit_wolf_2008_ret_agg_mutual_funds.csv"), delimiter=",", skip_header=1, usecols=(1, 2)
    )
    return table[:, 0], table[:, 1]


def test_the_published_funds_have_the_published_ratios(funds: tuple[Floats, Floats]) -> None:
    assert sharpe(funds[0]) == pytest.approx(0.10790555, abs=1e-8)
    assert sharpe(funds[1]) == pytest.approx(0.01079378, abs=1e-8)


@pytest.mark.parametrize(
    ("method", "expected"), [("jkm", 0.03950796), ("hac", 0.06462186), ("hac_prewhitened", 0.06885986)]
)
def test_the_published_p_values_are_reproduced(
    funds: tuple[Floats, Floats], method: Method, expected: float
) -> None:
    assert p_value(*funds, method) == pytest.approx(expected, abs=1e-8)


def test_the_published_bootstrap_is_reproduced_within_its_noise(funds: tuple[Floats, Floats]) -> None:
    assert p_value(*funds, "bootstrap") == pytest.approx(0.092, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_swapping_the_two_changes_nothing(method: Method) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.1, 1.0, 90), rng.normal(0.0, 2.0, 90)

    assert p_value(a, b, method, resamples=499) == pytest.approx(p_value(b, a, method, resamples=499), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_large_difference_is_seen(method: Method) -> None:
    rng = np.random.default_rng(3)

    assert p_value(rng.normal(0.6, 1.0, 200), rng.normal(-0.2, 1.0, 200), method, resamples=499) < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_equal_ratios_are_told_apart_about_as_rarely_as_promised(method: Method) -> None:
    rng = np.random.default_rng(8)
    rounds = 300
    wrong = sum(
        p_value(rng.normal(0.1, 1.0, 120), rng.normal(0.2, 2.0, 120), method, seed=i, block=3, resamples=199)
        <= 0.1
        for i in range(rounds)
    )

    assert 0.04 <= wrong / rounds <= 0.16


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_compared_is_an_error(method: Method) -> None:
    good = np.random.default_rng(3).normal(size=40)
    for a, b in ((good, np.ones(40)), (good, good), (good, 2 * good), (good, good[:-1]), (good[:5], good[:5] * 2)):
        with pytest.raises(ValueError, match=r"constant|no variance|equal lengths|at least"):
            p_value(a, b, method, resamples=9)


def test_an_unknown_method_is_an_error() -> None:
    good = np.random.default_rng(3).normal(size=(2, 40))

    with pytest.raises(ValueError, match="method must be"):
        p_value(good[0], good[1], "t")  # type: ignore[arg-type]


def test_the_hac_error_is_that_of_statsmodels_kernel(funds: tuple[Floats, Floats]) -> None:
    a, b = funds
    columns = np.stack([a, b, a**2, b**2], axis=1)
    moments = columns.mean(0)
    cubes = (moments[2:] - moments[:2] ** 2) ** 1.5
    gradient = np.array([moments[2], -moments[3], -moments[0] / 2, moments[1] / 2]) / np.tile(cubes, 2)
    centred, n = columns - moments, len(a)
    fits = [sm.OLS(column[1:], sm.add_constant(column[:-1])).fit() for column in centred.T]
    rho, power = np.array([f.params[1] for f in fits]), np.array([f.ssr / (n - 1) for f in fits]) ** 2
    alpha = (4 * rho**2 * power / (1 - rho) ** 8).sum() / (power / (1 - rho) ** 4).sum()
    width = 2.6614 * (alpha * n) ** 0.2

    def weights(_lags: int) -> Floats:
        return np.array([parzen_weight(lag / width) for lag in range(math.ceil(width))])

    covariance = S_hac_simple(centred, nlags=math.ceil(width) - 1, weights_func=weights) / (n - 4)
    error = math.sqrt(gradient @ covariance @ gradient / n)

    assert error == pytest.approx(0.05255349854, abs=1e-8)
    assert p_value(a, b, "hac") == pytest.approx(2 * norm.sf(abs(sharpe(a) - sharpe(b)) / error), abs=1e-9)
