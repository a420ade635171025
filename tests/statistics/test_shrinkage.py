"""Shrinkage: the baseball players of 1970, oracles, bounds, degenerate input."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize
from scipy.stats import betabinom, norm
from statsmodels.stats.meta_analysis import combine_effects

from remora.statistics.arrays import Floats
from remora.statistics.shrinkage import (
    beta_binomial,
    empirical_bayes,
    empirical_bayes_pull,
    james_stein,
    mixture_posterior,
)
from tests.statistics.published import published

estimates = st.lists(st.floats(-100, 100), min_size=4, max_size=30).map(np.array)
noises = st.floats(1e-3, 100)


def players() -> tuple[Floats, Floats]:
    with published("efron_morris_1970.csv").open() as file:
        rows = list(csv.DictReader(file))
    return np.array([int(row["hits45"]) / 45 for row in rows]), np.array([float(row["avg_rest"]) for row in rows])


def test_the_baseball_players_shrink_as_published() -> None:
    early, rest = players()
    variance = early.mean() * (1 - early.mean()) / 45

    shrunk = james_stein(early, variance)

    assert (shrunk[0] - early.mean()) / (early[0] - early.mean()) == pytest.approx(0.2116534171, abs=1e-10)
    assert shrunk[0] == pytest.approx(0.2939, abs=5e-5)
    assert shrunk[-1] == pytest.approx(0.2422, abs=5e-5)
    assert ((early - rest) ** 2).sum() == pytest.approx(0.0753169, abs=1e-7)
    assert ((shrunk - rest) ** 2).sum() == pytest.approx(0.0213069, abs=1e-7)


@given(values=estimates, variance=noises)
def test_james_stein_lies_between_the_estimate_and_the_mean(values: Floats, variance: float) -> None:
    shrunk, centre = james_stein(values, variance), values.mean()

    assert (np.abs(shrunk - centre) <= np.abs(values - centre) + 1e-9).all()
    assert ((shrunk - centre) * (values - centre) >= -1e-9).all()
    np.testing.assert_allclose(james_stein(values, 0.0), values, atol=1e-9)


@settings(deadline=None)
@given(values=estimates, data=st.data())
def test_empirical_bayes_lies_between_the_estimate_and_a_common_centre(
    values: Floats, data: st.DataObject
) -> None:
    variances = np.array(data.draw(st.lists(noises, min_size=values.size, max_size=values.size)))

    mean, deviation = empirical_bayes(values, variances)

    assert values.min() - 1e-9 <= mean.min()
    assert mean.max() <= values.max() + 1e-9
    assert ((deviation >= 0) & (deviation <= np.sqrt(variances))).all()


def test_more_data_never_widens_a_posterior() -> None:
    values = np.random.default_rng(1).normal(0, 1, 50)
    _, wide = empirical_bayes(values, np.full(50, 0.5))
    _, narrow = empirical_bayes(values, np.full(50, 0.1))

    assert (narrow <= wide).all()


def test_equal_variances_shrink_towards_the_mean_by_paule_and_mandels_factor() -> None:
    values, v, k = np.random.default_rng(1).normal(0, 2, 40), 1.0, 40
    tau2 = values.var(ddof=1) - v

    mean, _ = empirical_bayes(values, np.full(k, v))

    pull = (k - 3) / (k - 1) * v / (v + tau2)
    np.testing.assert_allclose(mean, values.mean() + (1 - pull) * (values - values.mean()), atol=1e-8)


def test_estimates_that_differ_less_than_their_noise_are_pooled() -> None:
    mean, _ = empirical_bayes([1.0, 1.1, 0.9, 1.0, 1.05], [10.0] * 5)

    assert mean.std() < 0.6 * np.std([1.0, 1.1, 0.9, 1.0, 1.05])


def test_shrunk_estimates_lie_nearer_to_the_truth() -> None:
    rng = np.random.default_rng(7)
    truth, variances = rng.normal(0, 0.05, 1000), rng.uniform(0.0005, 0.02, 1000)
    values = rng.normal(truth, np.sqrt(variances))

    mean, _ = empirical_bayes(values, variances)

    assert ((mean - truth) ** 2).mean() < 0.5 * ((values - truth) ** 2).mean()


def test_a_few_stars_among_many_without_skill_keep_most_of_theirs() -> None:
    rng = np.random.default_rng(7)
    truth = np.concatenate([np.zeros(190), np.full(10, 0.1)])
    variances = np.full(200, 0.02**2)
    values = rng.normal(truth, 0.02)

    mixed, normal = mixture_posterior(values, variances), empirical_bayes(values, variances)[0]

    assert mixed[190:].mean() == pytest.approx(0.1, abs=0.02)
    assert abs(mixed[:190].mean()) < 0.01
    assert ((mixed - truth) ** 2).mean() < ((normal - truth) ** 2).mean()


@settings(deadline=None, max_examples=30)
@given(values=estimates, data=st.data())
def test_the_mixtures_means_stay_within_the_estimates(values: Floats, data: st.DataObject) -> None:
    variances = np.array(data.draw(st.lists(noises, min_size=values.size, max_size=values.size)))

    mean = mixture_posterior(values, variances, rounds=20)

    assert np.isfinite(mean).all()
    assert values.min() - 1e-9 <= mean.min()
    assert mean.max() <= values.max() + 1e-9


def test_the_beta_prior_maximises_scipys_likelihood() -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(20, 200, 400)
    wins = rng.binomial(n, rng.beta(12, 8, 400))

    def loss(log: Floats) -> float:
        return -float(np.sum(betabinom.logpmf(wins, n, *np.exp(log))))

    fitted = np.exp(
        minimize(loss, np.log([2.0, 2.0]), method="Nelder-Mead", options={"fatol": 1e-9, "xatol": 1e-9}).x
    )

    mean, a, b = beta_binomial(wins, n)

    assert a == pytest.approx(fitted[0], rel=1e-2)
    assert b == pytest.approx(fitted[1], rel=1e-2)
    np.testing.assert_allclose(mean, (a + wins) / (a + b + n))


@settings(deadline=None, max_examples=40)
@given(pairs=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=20))
def test_posterior_rates_lie_between_the_wallets_and_the_priors(pairs: list[tuple[int, int]]) -> None:
    wins, n = np.array([w for w, _ in pairs]), np.array([w + extra for w, extra in pairs])
    if n.sum() == 0:
        return

    mean, a, b = beta_binomial(wins, n)

    prior = a / (a + b)
    rate = np.divide(wins, n, out=np.full(n.size, prior), where=n > 0)
    assert a > 0
    assert b > 0
    assert (mean >= np.minimum(rate, prior) - 1e-9).all()
    assert (mean <= np.maximum(rate, prior) + 1e-9).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: james_stein([1.0, 2.0, 3.0], 1.0), "at least 4"),
        (lambda: james_stein([1.0, 2.0, 3.0, 4.0], -1.0), "variance"),
        (lambda: james_stein([1.0, 2.0, 3.0, 4.0], np.inf), "variance"),
        (lambda: empirical_bayes([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]), "at least 4"),
        (lambda: empirical_bayes([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 0.0]), "above 0"),
        (lambda: empirical_bayes([1.0, 2.0, 3.0, 4.0], [1.0] * 5), "equal lengths"),
        (lambda: empirical_bayes([1.0, 2.0, 3.0, np.nan], [1.0] * 4), "finite"),
        (lambda: mixture_posterior([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 0.0]), "above 0"),
        (lambda: beta_binomial([], []), "at least 1"),
        (lambda: beta_binomial([0], [0]), "n must be above 0"),
        (lambda: beta_binomial([3], [2]), r"wins must lie in"),
        (lambda: beta_binomial([-1], [2]), r"wins must lie in"),
    ],
)
def test_impossible_arguments_are_errors(call: object, text: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=text):
        call()


def test_the_baseball_players_come_out_of_empirical_bayes_too() -> None:
    early, _ = players()
    variance = early.mean() * (1 - early.mean()) / 45

    mean, _, pull = empirical_bayes_pull(early, np.full(early.size, variance))

    # with equal variances Paule and Mandel's root and Morris' factor give Efron and Morris' estimate
    assert 1 - pull[0] == pytest.approx(0.2116534171, abs=1e-9)
    assert mean[0] == pytest.approx(0.2939, abs=5e-5)
    np.testing.assert_allclose(mean, james_stein(early, variance), atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_prior_is_paule_and_mandels_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    variances = rng.uniform(0.05, 2.0, 25)
    values = rng.normal(rng.normal(0, 1.0, 25), np.sqrt(variances))
    theirs = combine_effects(values, variances, method_re="iterated", atol=1e-8, maxiter=500)
    tau2, centre = theirs.tau2, theirs.mean_effect_re
    pull = 22 / 24 * variances / (variances + tau2)

    mean, deviation, found = empirical_bayes_pull(values, variances)

    np.testing.assert_allclose(found, pull, atol=1e-6)
    np.testing.assert_allclose(mean, centre + (1 - pull) * (values - centre), atol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(variances * (1 - pull)), atol=1e-6)


def test_the_families_of_saxony_have_the_published_prior() -> None:
    # Geissler's families of twelve children, by number of boys; maximum likelihood: 34.09558 and 31.5715
    families = [3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7]
    boys = np.repeat(np.arange(13), families)

    _, a, b = beta_binomial(boys, np.full(boys.size, 12))

    assert a == pytest.approx(34.09558, rel=1e-3)
    assert b == pytest.approx(31.5715, rel=1e-3)


def test_no_other_prior_on_the_grid_explains_the_estimates_better() -> None:
    rng = np.random.default_rng(3)
    variances = rng.uniform(0.2, 1.0, 30)
    values = rng.normal(np.repeat([0.0, 2.0], [22, 8]), np.sqrt(variances))
    grid = np.linspace(values.min(), values.max(), 15)
    likelihood = norm.pdf(values[:, None], grid, np.sqrt(variances)[:, None])

    def loss(prior: Floats) -> float:
        return -float(np.log(likelihood @ prior).mean())

    best = minimize(
        loss,
        np.full(15, 1 / 15),
        method="SLSQP",
        bounds=[(0.0, 1.0)] * 15,
        constraints=LinearConstraint(np.ones((1, 15)), 1.0, 1.0),
        options={"maxiter": 500, "ftol": 1e-12},
    ).x
    posterior = likelihood * best
    expected = posterior @ grid / posterior.sum(1)

    found = mixture_posterior(values, variances, points=15, rounds=20_000)

    np.testing.assert_allclose(found, expected, atol=0.02)
