import numpy as np
import pytest

from remora.backtest.overfitting import deflated, neighbours, overfitting
from remora.backtest.performance import drawdown, performance


def test_more_tries_deflate_the_same_result() -> None:
    rng = np.random.default_rng(1)
    found = performance(rng.normal(12.0, 100.0, 400), 10_000.0)
    assert found.sharpe is not None
    alone = deflated(found, [found.sharpe])
    many = deflated(found, [found.sharpe, *rng.normal(0.0, 0.05, 99)])

    assert alone["dsr"] == pytest.approx(found.psr)
    assert many["dsr"] < alone["dsr"]


def test_one_policy_with_skill_among_noise_is_not_called_overfitted() -> None:
    rng = np.random.default_rng(2)
    returns = rng.normal(0.0, 0.01, (300, 12))
    returns[:, 4] += 0.004
    found = overfitting(returns, rng)

    assert found["pbo"] < 0.05
    assert found["null"]["p5"] < found["null"]["p50"] < found["null"]["p95"]


def test_policies_that_never_trade_are_left_out_and_too_few_are_told() -> None:
    found = overfitting(np.zeros((100, 5)), np.random.default_rng(0))

    assert found["pbo"] is None
    assert "at least 2 strategies" in found["why_not"]


def test_the_grid_of_neighbours_holds_the_default_once() -> None:
    grid = neighbours()

    assert grid.count({"stop_loss": "0.15", "take_profit": "0.30", "drift_min_usd": "0.02"}) == 1


def test_a_fall_is_measured_from_the_peak() -> None:
    depth, longest, under = drawdown(np.array([100.0, 120.0, 90.0, 96.0, 130.0]))

    assert longest == 2
    assert (depth, under) == pytest.approx((0.25, 0.4))
