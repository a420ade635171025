import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from remora.statistics.sharpe import ewma_sharpe
from remora.statistics.skill import (
    clustered_mean,
    elapsed_weights,
    mark_outs,
    poisson_binomial_tail,
    profit_factor,
    weighted_sharpe,
)

prices = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=40)


def test_forty_straight_wins_at_095_happen_by_luck_one_time_in_eight() -> None:
    assert poisson_binomial_tail(40, [0.95] * 40) == pytest.approx(0.95**40)
    assert round(poisson_binomial_tail(40, [0.95] * 40), 2) == 0.13


@given(prices=prices, data=st.data())
def test_the_tail_equals_scipys(prices: list[float], data: st.DataObject) -> None:
    wins = data.draw(st.integers(0, len(prices)))

    expected = 1.0 if wins == 0 else float(stats.poisson_binom.sf(wins - 1, prices))
    assert poisson_binomial_tail(wins, prices) == pytest.approx(expected, abs=1e-9)


@given(prices=prices)
def test_more_wins_are_never_more_likely(prices: list[float]) -> None:
    tails = [poisson_binomial_tail(wins, prices) for wins in range(len(prices) + 1)]

    assert tails[0] == pytest.approx(1.0)
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(tails))


@pytest.mark.parametrize("wrong", [[1.2], [-0.1], [math.nan], [math.inf]])
def test_prices_that_are_none_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="prices must"):
        poisson_binomial_tail(0, wrong)


def test_wins_beyond_the_bets_are_refused() -> None:
    with pytest.raises(ValueError, match="wins must lie in"):
        poisson_binomial_tail(2, [0.5])
    assert poisson_binomial_tail(0, []) == 1.0


def test_a_profit_factor_needs_a_loss() -> None:
    assert profit_factor([3.0, -1.0, -1.0]) == 1.5
    assert profit_factor([3.0, 0.0]) is None
    assert profit_factor([]) is None
    assert profit_factor([-1.0]) == 0.0
    with pytest.raises(ValueError, match="finite"):
        profit_factor([1.0, math.nan])


def test_the_clustered_error_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    clusters = rng.integers(0, 25, 300)
    values = rng.normal(size=300) + rng.normal(size=25)[clusters]
    weights = rng.uniform(0.5, 2.0, 300)
    fit = sm.WLS(values, np.ones(300), weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )

    mean, error = clustered_mean(values, weights, clusters)
    count = len(np.unique(clusters))
    assert mean == pytest.approx(fit.params[0])
    assert error == pytest.approx(fit.bse[0] * math.sqrt(count / (count - 1)))


def test_ten_equal_fills_of_a_bet_are_one_observation() -> None:
    rng = np.random.default_rng(1)
    bets = rng.normal(size=40)

    once = clustered_mean(bets, np.ones(40), np.arange(40))
    ten_times = clustered_mean(np.repeat(bets, 10), np.ones(400), np.repeat(np.arange(40), 10))
    assert ten_times == pytest.approx(once)


def test_one_cluster_says_nothing_about_the_error() -> None:
    assert clustered_mean([1.0, 3.0], [1.0, 1.0], ["a", "a"]) == (2.0, math.inf)
    with pytest.raises(ValueError, match="weights must not be negative"):
        clustered_mean([1.0], [-1.0], ["a"])


def test_mark_outs_leave_out_what_nobody_traded() -> None:
    found = mark_outs([0.4, 0.5, 0.6], [0.45, math.nan, 0.7], ["a", "b", "c"])

    assert found is not None
    assert found[0] == pytest.approx(0.075)
    assert found[2] == 2
    assert mark_outs([0.4], [math.nan], ["a"]) is None
    assert mark_outs([], [], []) is None


def test_weights_by_elapsed_time_are_those_of_pandas() -> None:
    rng = np.random.default_rng(2)
    days = np.sort(rng.choice(400, 60, replace=False))
    returns = rng.normal(size=60)
    times = pd.Timestamp("2026-01-01") + pd.to_timedelta(days, unit="D")
    half_life: Any = pd.Timedelta(days=30)
    expected = pd.Series(returns).ewm(halflife=half_life, times=times.to_numpy()).mean().iloc[-1]

    assert elapsed_weights(days[-1] - days, 30.0) @ returns == pytest.approx(expected)


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=40), st.floats(1, 100))
def test_the_weighted_ratio_of_daily_returns_is_the_ewma_ratio(returns: list[float], half_life: float) -> None:
    ages = np.arange(len(returns))[::-1]
    try:
        expected = ewma_sharpe(returns, half_life)
    except ValueError:
        with pytest.raises(ValueError, match="vary"):
            weighted_sharpe(returns, ages, half_life)
        return
    assert weighted_sharpe(returns, ages, half_life) == pytest.approx(expected)


@pytest.mark.parametrize("ages", [[], [-1.0], [math.nan]])
def test_ages_that_are_none_are_refused(ages: list[float]) -> None:
    with pytest.raises(ValueError, match="ages must"):
        elapsed_weights(ages, 10.0)


@given(shift=st.floats(-0.2, 0.2), data=st.data(), n=st.integers(2, 20))
def test_a_mark_out_moves_with_the_later_price_and_its_error_does_not(
    shift: float, data: st.DataObject, n: int
) -> None:
    costs = np.array(data.draw(st.lists(st.floats(0.1, 0.9), min_size=n, max_size=n)))
    later = np.array(data.draw(st.lists(st.floats(0.1, 0.9), min_size=n, max_size=n)))
    events = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    before, after = mark_outs(costs, later, events), mark_outs(costs, later + shift, events)

    assert before is not None
    assert after is not None
    assert after[0] == pytest.approx(before[0] + shift, abs=1e-12)
    assert after[1] == pytest.approx(before[1], abs=1e-9)
    assert before[:2] == pytest.approx(clustered_mean(later - costs, np.ones(n), events))


@given(profits=st.lists(st.floats(-100, 100, allow_subnormal=False), max_size=30), scale=st.floats(0.01, 100))
def test_a_profit_factor_is_pandas_ratio_of_sums_and_has_no_unit(profits: list[float], scale: float) -> None:
    found = profit_factor(profits)
    table = pd.Series(profits, dtype=float)
    gains, losses = table.clip(lower=0).sum(), -table.clip(upper=0).sum()

    assert found is None if losses == 0 else found == pytest.approx(gains / losses)
    scaled = profit_factor([profit * scale for profit in profits])
    assert (scaled is None) is (found is None)
    assert scaled is None or scaled == pytest.approx(found)


@given(ages=st.lists(st.floats(0, 1e4), min_size=1, max_size=30), half_life=st.floats(0.5, 1e4))
def test_weights_sum_to_one_and_halve_with_the_half_life(ages: list[float], half_life: float) -> None:
    weights = elapsed_weights(ages, half_life)
    pair = elapsed_weights([0.0, half_life], half_life)

    assert weights.sum() == pytest.approx(1.0)
    assert pair[0] == pytest.approx(2.0 * pair[1])


@given(values=st.lists(st.floats(-5, 5), min_size=3, max_size=20), shift=st.floats(-10, 10))
def test_the_clustered_mean_moves_with_the_values(values: list[float], shift: float) -> None:
    clusters = np.arange(len(values)) % 3
    plain = clustered_mean(values, np.ones(len(values)), clusters)
    moved = clustered_mean(np.array(values) + shift, np.ones(len(values)), clusters)

    assert moved[0] == pytest.approx(plain[0] + shift, abs=1e-9)
    assert moved[1] == pytest.approx(plain[1], abs=1e-9)
