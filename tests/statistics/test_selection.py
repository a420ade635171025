"""False discoveries and edges: oracles, size under dependence, degenerate input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.sandwich_covariance import S_crosssection

from remora.statistics.selection import benjamini_hochberg, bh_q_values, edge_z

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=60).map(np.array)


@given(p=p_values, q=st.floats(0.01, 0.99))
def test_rejections_equal_statsmodels_and_scipys(p: np.ndarray, q: float) -> None:
    adjusted = false_discovery_control(p, method="bh")

    np.testing.assert_allclose(bh_q_values(p), adjusted, atol=1e-12)
    clear = np.abs(adjusted - q) > 1e-9
    theirs = multipletests(p, alpha=q, method="fdr_bh")[0]
    assert (benjamini_hochberg(p, q) == theirs)[clear].all()


def test_the_paper_of_1995_rejects_four_of_fifteen() -> None:
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]

    assert benjamini_hochberg(p, 0.05).sum() == 4


@given(p=p_values, low=st.floats(0.01, 0.5), more=st.floats(0, 0.49))
def test_a_laxer_rate_rejects_no_fewer(p: np.ndarray, low: float, more: float) -> None:
    assert (benjamini_hochberg(p, low) <= benjamini_hochberg(p, low + more)).all()


def test_of_pure_noise_almost_nothing_is_rejected() -> None:
    rng = np.random.default_rng(11)
    runs = [benjamini_hochberg(rng.uniform(size=1000), 0.1).any() for _ in range(200)]

    assert np.mean(runs) < 0.17


def test_no_wallets_no_rejections() -> None:
    assert benjamini_hochberg([], 0.2).size == 0


@pytest.mark.parametrize(
    ("p", "q"), [([0.5, 1.1], 0.1), ([-0.1], 0.1), ([np.nan], 0.1), ([0.5], 0.0), ([0.5], 1.0)]
)
def test_impossible_rates_are_errors(p: list[float], q: float) -> None:
    with pytest.raises(ValueError, match=r"must lie in|finite"):
        benjamini_hochberg(p, q)


def test_a_hundred_fair_bets_have_the_z_of_theory() -> None:
    outcomes = np.repeat([1.0, 0.0], [60, 40])

    assert edge_z(outcomes, np.full(100, 0.5), np.arange(100)) == pytest.approx(10 * 0.2)


def test_ten_fills_of_one_bet_count_once() -> None:
    outcomes, costs = np.array([1.0, 0.0, 1.0]), np.array([0.6, 0.3, 0.5])
    single = edge_z(outcomes, costs, ["a", "b", "c"])

    repeated = edge_z(np.repeat(outcomes, 10), np.repeat(costs, 10), np.repeat(["a", "b", "c"], 10))

    assert repeated == pytest.approx(single)


def test_without_skill_clustered_bets_are_called_skilled_about_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(2)
    beyond = 0
    for _ in range(2000):
        costs = rng.uniform(0.2, 0.8, 60)
        outcomes = (rng.uniform(size=60) < costs).astype(float)
        beyond += edge_z(np.repeat(outcomes, 10), np.repeat(costs, 10), np.repeat(np.arange(60), 10)) > 1.645

    assert beyond / 2000 == pytest.approx(0.05, abs=0.015)


@given(data=st.data(), n=st.integers(1, 40))
def test_the_order_of_the_bets_does_not_matter(data: st.DataObject, n: int) -> None:
    costs = np.array(data.draw(st.lists(st.floats(0.05, 0.95), min_size=n, max_size=n)))
    outcomes = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n)))
    events = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    order = np.array(data.draw(st.permutations(range(n))))
    try:
        z = edge_z(outcomes, costs, events)
    except ValueError:
        return

    assert edge_z(outcomes[order], costs[order], events[order]) == pytest.approx(z, rel=1e-6, abs=1e-6)
    assert abs(z) <= np.sqrt(np.unique(events).size) + 1e-9


@pytest.mark.parametrize(
    ("outcomes", "costs", "events", "text"),
    [
        ([], [], [], "at least 1"),
        ([1.0], [0.5, 0.5], [1], "equal lengths"),
        ([1.0], [0.5], [1, 2], "equal lengths"),
        ([1.5], [0.5], [1], "outcomes must lie in"),
        ([1.0], [-0.5], [1], "costs must lie in"),
        ([1.0], [np.nan], [1], "finite"),
        ([1.0, 0.0], [0.5, 0.5], [1, 1], "nothing to test"),
    ],
)
def test_bets_without_a_z_are_errors(
    outcomes: list[float], costs: list[float], events: list[int], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        edge_z(outcomes, costs, events)


@pytest.mark.parametrize("seed", range(5))
def test_the_variance_by_events_is_that_of_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs, events = rng.uniform(0.2, 0.8, 80), rng.integers(0, 20, 80)
    outcomes = (rng.uniform(size=80) < costs).astype(float)
    spread = S_crosssection((outcomes - costs)[:, None], events).item()

    assert edge_z(outcomes, costs, events) == pytest.approx((outcomes - costs).sum() / np.sqrt(spread))
