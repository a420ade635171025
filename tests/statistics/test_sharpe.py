"""Sharpe ratios: published numbers, independent oracles, coverage, degenerate input."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import nct, norm, variation
from statsmodels.stats.sandwich_covariance import S_hac_simple

from remora.statistics.hac import parzen_weight
from remora.statistics.sharpe import (
    deflated_sharpe,
    ewma_sharpe,
    expected_max_sharpe,
    min_track_record,
    probabilistic_sharpe,
    sharpe,
    sharpe_hac_se,
    sharpe_interval,
)
from tests.statistics.published import published

series = st.lists(st.floats(-10, 10), min_size=12, max_size=60, unique=True).map(np.array)


@pytest.mark.parametrize(
    ("skew", "kurtosis", "expected"), [(0.0, 3.0, 0.9816749190910771), (-2.448, 10.164, 0.913361083860933)]
)
def test_the_probabilistic_sharpe_ratio_gives_the_published_number(
    skew: float, kurtosis: float, expected: float
) -> None:
    assert probabilistic_sharpe(0.458, 24, skew, kurtosis, 0.0) == pytest.approx(expected, abs=1e-12)


def test_the_shortest_track_record_gives_the_published_lengths() -> None:
    daily = min_track_record(2 / math.sqrt(250), 0, 3, 1 / math.sqrt(250), 0.95)
    monthly = min_track_record(0.8183, -1.4455, 7.0497, 0, 0.95)

    assert daily / 250 == pytest.approx(2.7311878, abs=1e-7)
    assert monthly / 12 == pytest.approx(1.1593027, abs=1e-7)


def test_fifty_published_returns_give_the_published_confidence_and_length() -> None:
    returns = np.loadtxt(published("psr_test_returns_50obs.csv"))
    ratio, skew, kurtosis = 0.2417172985, -1.1395656849, 4.6358610942

    assert returns.mean() / returns.std(ddof=1) == pytest.approx(ratio, abs=1e-10)
    assert probabilistic_sharpe(ratio, 50, skew, kurtosis, 0.05) == pytest.approx(0.877850770122146, abs=1e-9)
    assert min_track_record(ratio, skew, kurtosis, 0.05, 0.9) == pytest.approx(60.365085269, abs=1e-6)


@pytest.mark.parametrize(
    ("trials", "expected"), [(10, 1.57459830), (50, 2.27630309), (1000, 3.25512151), (1, 0.0)]
)
def test_the_expected_maximum_gives_the_published_numbers(trials: int, expected: float) -> None:
    assert expected_max_sharpe(trials, 1.0) == pytest.approx(expected, abs=1e-8)
    assert expected_max_sharpe(trials, 0.04) == pytest.approx(0.2 * expected, abs=1e-8)


@given(trials=st.integers(1, 10**6), n=st.integers(2, 1000), ratio=st.floats(-0.5, 0.5))
def test_more_trials_never_raise_the_deflated_ratio(trials: int, n: int, ratio: float) -> None:
    few, many = (deflated_sharpe(ratio, n, 0.0, 3.0, count, 0.01) for count in (trials, trials + 1))

    assert 0 <= many <= few <= 1


@given(ratio=st.floats(0.01, 0.5), gap=st.floats(0.01, 0.5), confidence=st.floats(0.55, 0.99))
def test_a_record_of_the_shortest_length_gives_just_the_confidence(
    ratio: float, gap: float, confidence: float
) -> None:
    length = min_track_record(ratio, -0.5, 5.0, ratio - gap, confidence)
    scale = math.sqrt(1 + 0.5 * ratio + ratio**2)

    assert norm.cdf(gap * math.sqrt(length - 1) / scale) == pytest.approx(confidence, abs=1e-9)


def test_the_weighted_ratio_equals_pandas() -> None:
    returns = np.random.default_rng(2).normal(0.05, 1.0, 3000)
    weighted = pd.Series(returns).ewm(halflife=30)

    ratio, n_eff = ewma_sharpe(returns, 30)

    assert ratio == pytest.approx(weighted.mean().iloc[-1] / weighted.std(bias=False).iloc[-1], abs=1e-12)
    assert n_eff == pytest.approx(86.6, abs=0.05)


def test_an_endless_half_life_is_the_plain_ratio() -> None:
    returns = np.random.default_rng(2).normal(0.05, 1.0, 100)

    ratio, n_eff = ewma_sharpe(returns, 1e12)

    assert ratio == pytest.approx(returns.mean() / returns.std(ddof=1), abs=1e-9)
    assert n_eff == pytest.approx(100, abs=1e-6)


@given(returns=series, half_life=st.floats(1, 1e4), scale=st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter_and_the_sign_mirrors(
    returns: np.ndarray, half_life: float, scale: float
) -> None:
    ratio, n_eff = ewma_sharpe(returns, half_life)

    assert 1 < n_eff <= returns.size + 1e-9
    assert ewma_sharpe(returns * scale, half_life)[0] == pytest.approx(ratio, rel=1e-6, abs=1e-9)
    assert ewma_sharpe(-returns, half_life)[0] == pytest.approx(-ratio, rel=1e-9, abs=1e-12)
    assert sharpe_hac_se(returns * scale) == pytest.approx(sharpe_hac_se(returns), rel=1e-4)


def test_the_error_of_independent_returns_is_that_of_theory() -> None:
    returns = np.random.default_rng(4).normal(0.1, 1.0, 20_000)

    assert sharpe_hac_se(returns) == pytest.approx(math.sqrt((1 + 0.1**2 / 2) / 20_000), rel=0.05)


def test_the_error_grows_with_autocorrelation_as_theory_says() -> None:
    shocks = np.random.default_rng(4).normal(size=20_000)
    returns = np.empty_like(shocks)
    previous = 0.0
    for i, shock in enumerate(shocks):
        previous = returns[i] = 0.3 * previous + shock

    assert sharpe_hac_se(returns) == pytest.approx(math.sqrt(1.3 / 0.7 / 20_000), rel=0.08)


@settings(deadline=None, max_examples=25)
@given(returns=series, levels=st.tuples(st.floats(0.5, 0.99), st.floats(0.5, 0.99)))
def test_the_interval_holds_the_ratio_and_widens_with_the_level(
    returns: np.ndarray, levels: tuple[float, float]
) -> None:
    narrow, wide = (
        sharpe_interval(returns, level=level, resamples=199, block=2, rng=np.random.default_rng(1))
        for level in sorted(levels)
    )

    assert wide[0] <= narrow[0] <= sharpe(returns) <= narrow[1] <= wide[1]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(20260504)
    truth, covered, rounds = 0.1, 0, 400
    for _ in range(rounds):
        low, high = sharpe_interval(rng.normal(truth, 1.0, 120), level=0.95, resamples=399, block=5, rng=rng)
        covered += low <= truth <= high

    assert 0.91 <= covered / rounds <= 0.99


@pytest.mark.parametrize("returns", [[1.0, 1.0, 1.0, 1.0, 1.0], [1.0], [], [1.0, np.nan, 2.0, 3.0], [0.1] * 50])
def test_returns_without_a_ratio_are_an_error(returns: list[float]) -> None:
    for measure in (sharpe, sharpe_hac_se, lambda x: ewma_sharpe(x, 30)):
        with pytest.raises(ValueError, match=r"constant|at least|finite"):
            measure(returns)


def test_returns_that_stood_still_lately_are_an_error_for_a_short_half_life() -> None:
    with pytest.raises(ValueError, match="within the half life"):
        ewma_sharpe(np.concatenate([[5.0, -5.0], np.ones(500)]), 1.0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ewma_sharpe([1.0, 2.0, 3.0], 0.0), "half_life"),
        (lambda: ewma_sharpe([1.0, 2.0, 3.0], math.nan), "half_life"),
        (lambda: probabilistic_sharpe(0.1, 1, 0, 3, 0), "n must be"),
        (lambda: probabilistic_sharpe(0.1, 10, 0, 0, 0), "it is raw"),
        (lambda: probabilistic_sharpe(math.nan, 10, 0, 3, 0), "finite"),
        (lambda: min_track_record(0.1, 0, 3, 0.1, 0.95), "no record is long enough"),
        (lambda: min_track_record(0.1, 0, 3, 0.0, 1.0), "confidence"),
        (lambda: expected_max_sharpe(0, 1.0), "trials"),
        (
            lambda: sharpe_interval(
                [1.0, 2.0, 3.0, 5.0], level=1.0, resamples=9, block=1, rng=np.random.default_rng()
            ),
            "level",
        ),
    ],
)
def test_impossible_arguments_are_errors(call: object, text: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize(("half_life", "published_size"), [(30.0, 86.6), (10.0, 28.9)])
def test_the_effective_number_of_observations_is_the_published_one(
    half_life: float, published_size: float
) -> None:
    returns = np.random.default_rng(1).normal(size=2_000)

    assert ewma_sharpe(returns, half_life)[1] == pytest.approx(published_size, abs=0.05)


@given(ratio=st.floats(0.02, 0.4), n=st.integers(150, 600), benchmark=st.floats(-0.05, 0.05))
def test_the_confidence_is_that_of_the_exact_distribution_of_normal_returns(
    ratio: float, n: int, benchmark: float
) -> None:
    # sqrt(n) times a Sharpe ratio (divisor n - 1) of normal returns is noncentral t: Lehmann and Romano 2005
    exact = float(nct.cdf(ratio * math.sqrt(n), n - 1, benchmark * math.sqrt(n)))

    assert probabilistic_sharpe(ratio, n, 0.0, 3.0, benchmark) == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("trials", [10, 100, 1000, 10_000])
def test_the_expected_maximum_is_near_the_integral_over_the_order_statistic(trials: int) -> None:
    def weighed(x: float) -> float:
        return x * trials * float(norm.pdf(x)) * float(norm.cdf(x)) ** (trials - 1)

    exact, _ = quad(weighed, -8, 12)

    assert expected_max_sharpe(trials, 1.0) == pytest.approx(exact, rel=0.03)
    deflated = deflated_sharpe(0.3, 250, 0.0, 3.0, trials, 0.01)
    assert deflated == pytest.approx(
        float(norm.cdf((0.3 - 0.1 * exact) * math.sqrt(249) / math.sqrt(1 + 0.3**2 / 2))), abs=0.06
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_error_is_that_of_statsmodels_kernel_on_the_influence_series(seed: int) -> None:
    returns = np.random.default_rng(seed).standard_t(5, size=400) + 0.1
    scaled = returns / returns.std()
    mean, second = scaled.mean(), (scaled**2).mean()
    influence = second * (scaled - mean) - 0.5 * mean * (scaled**2 - second)
    slope = float(sm.OLS(influence[1:], influence[:-1]).fit().params[0])
    noise = influence[1:] - slope * influence[:-1]
    rho = float(sm.OLS(noise[1:], noise[:-1]).fit().params[0])
    width = 2.6614 * (4 * rho**2 / (1 - rho) ** 4 * noise.size) ** 0.2

    def weights(_lags: int) -> np.ndarray:
        return np.array([parzen_weight(lag / width) for lag in range(max(1, math.ceil(width)))])

    total = (
        S_hac_simple(noise[:, None], nlags=max(1, math.ceil(width)) - 1, weights_func=weights).item() / noise.size
    )
    expected = math.sqrt(total * 400 / 398) / (1 - slope) / math.sqrt(400)

    assert sharpe_hac_se(returns) == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_the_quantile_of_errors_counted_in_a_loop() -> None:
    series, block, level = np.random.default_rng(5).normal(0.1, 1.0, 61), 4, 0.9
    starts = np.random.default_rng(9).integers(0, 61, (99, 61 // block))
    errors = []
    for row in starts:
        blocks = [np.take(series, range(i, i + block), mode="wrap") for i in row]
        y = np.concatenate(blocks)
        mean, square = y.mean(), (y**2).mean()
        deviation = np.sqrt(square - mean**2)
        gradient = np.array([square / deviation**3, -mean / (2 * deviation**3)])
        zetas = [np.array([(b - mean).sum(), (b**2 - square).sum()]) / np.sqrt(block) for b in blocks]
        psi = np.mean([np.outer(z, z) for z in zetas], axis=0)
        errors.append(
            abs(mean / deviation - series.mean() / series.std()) / np.sqrt(gradient @ psi @ gradient / y.size)
        )
    half = float(np.quantile(errors, level)) * sharpe_hac_se(series)
    low, high = sharpe_interval(series, level=level, resamples=99, block=block, rng=np.random.default_rng(9))

    assert (high - low) / 2 == pytest.approx(half, rel=1e-9)
    assert (high + low) / 2 == pytest.approx(sharpe(series))


@given(returns=series, scale=st.floats(1e-3, 1e3))
def test_the_plain_ratio_is_scipys_and_has_no_unit(returns: np.ndarray, scale: float) -> None:
    variation_of = variation(returns)  # deviation over mean, divisor n

    if abs(returns.mean()) > 1e-6:
        assert sharpe(returns) == pytest.approx(1.0 / float(variation_of), rel=1e-9)
    assert sharpe(returns * scale) == pytest.approx(sharpe(returns), rel=1e-9, abs=1e-12)
