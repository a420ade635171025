"""Wallets beside each other."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from remora.statistics.population import Scale, follow_edges, standings
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.track_record import TrackRecord

PARAMS = ScoringParams()


def record(number: int, *, skill: float = 0.0, events: int = 60) -> TrackRecord:
    rng = np.random.default_rng(number)
    daily = rng.normal(skill, 1.0, 120)
    return TrackRecord(
        wallet=f"w{number}",
        trades=100,
        complete=True,
        closed_events=events,
        open_events=0,
        wins=int(rng.integers(20, 40)),
        returns=daily,
        daily=daily,
        pnl=0.0,
        profit_factor=None,
        gain_concentration=0.1,
        two_sided=0.0,
        pair_share=0.0,
        maker_share=0.0,
        median_holding_s=1e6,
        edge=float(rng.normal(0.05 * skill, 0.03)),
        edge_variance=0.03**2,
    )


def people(count: int) -> dict[str, TrackRecord]:
    return {f"w{i}": record(i, skill=0.2 if i < 3 else 0.0) for i in range(count)}


def test_scores_are_weighted_robust_z_scores_of_shrunk_values() -> None:
    found, scale, notice = standings(people(40), PARAMS)

    assert notice == ""
    assert scale is not None
    sharpe = np.array([place.sharpe_shrunk for place in found.values()])
    rate = np.array([place.win_rate for place in found.values()])

    def z(values: np.ndarray) -> np.ndarray:
        centred = values - np.median(values)
        scored: np.ndarray = centred / (np.median(np.abs(centred)) * 1.482602218505602)
        return scored

    expected = 100 * norm.cdf(0.7 * z(sharpe) + 0.3 * z(rate))
    np.testing.assert_allclose([place.score for place in found.values()], expected, rtol=1e-9)
    for place in found.values():
        assert place.win_rate_low < place.win_rate


def test_shrinking_pulls_the_extremes_in() -> None:
    found, _, _ = standings(people(40), PARAMS)
    raw = np.array([place.sharpe for place in found.values()])
    shrunk = np.array([place.sharpe_shrunk for place in found.values()])

    assert shrunk.std() < raw.std()
    assert raw.min() <= shrunk.min()
    assert shrunk.max() <= raw.max()


def test_too_few_or_equal_wallets_have_no_scores() -> None:
    same = {f"w{i}": replace(record(1), wallet=f"w{i}") for i in range(20)}

    assert standings(people(9), PARAMS)[0] == {}
    assert "cannot be told apart" in standings(same, PARAMS)[2]


def test_wallets_whose_days_do_not_vary_are_left_out() -> None:
    records = people(20) | {"idle": replace(record(99), daily=np.zeros(120))}

    assert "idle" not in standings(records, PARAMS)[0]


def test_a_better_bound_gives_a_better_score() -> None:
    scale = Scale(
        sharpe_centre=1.0,
        sharpe_scale=1.0,
        win_rate_centre=0.5,
        win_rate_scale=0.1,
        sharpe_weight=0.7,
        win_rate_weight=0.3,
    )

    assert scale.score(1.0, 0.5) == pytest.approx(50)
    assert scale.score(0.5, 0.5) < scale.score(1.0, 0.5) < scale.score(1.0, 0.6)


def test_all_wallets_with_ten_events_are_tested_by_students_t() -> None:
    records = people(30) | {"few": record(77, events=9)}

    found = follow_edges(records, PARAMS)

    edges = np.array([records[wallet].edge for wallet in found])
    p = student.sf(edges / 0.03, 59)
    assert "few" not in found
    np.testing.assert_allclose([tested.p for tested in found.values()], p)
    np.testing.assert_allclose([tested.q for tested in found.values()], false_discovery_control(p))


def test_without_a_population_nobody_is_credited_with_an_edge() -> None:
    assert [tested.edge for tested in follow_edges(people(9), PARAMS).values()] == [0.0] * 9
    assert follow_edges({}, PARAMS) == {}
