"""PBO: the R package's number, brute force, noise and skill, degenerate input."""

import itertools

import numpy as np
import pytest

from remora.statistics.arrays import Floats
from remora.statistics.overfitting import OutOfSample, cross_validated, pbo
from tests.statistics.published import published


def brute_force(returns: Floats, slices: int) -> OutOfSample:
    parts = np.array_split(returns[: len(returns) - len(returns) % slices], slices)
    low, lost = [], []
    for chosen in itertools.combinations(range(slices), slices // 2):
        inside = np.concatenate([parts[i] for i in chosen])
        outside = np.concatenate([parts[i] for i in range(slices) if i not in chosen])
        best = (inside.mean(0) / inside.std(0)).argmax()
        ratios = outside.mean(0) / outside.std(0)
        rank = (ratios <= ratios[best]).sum() / (returns.shape[1] + 1)
        low.append(np.log(rank / (1 - rank)) <= 0)
        lost.append(outside[:, best].mean() < 0)
    return OutOfSample(float(np.mean(low)), float(np.mean(lost)))


def test_the_r_packages_example_gives_its_number() -> None:
    returns = np.genfromtxt(published("pbo_r_test_seed852_T20_N4.csv"), delimiter=",")

    assert returns.shape == (20, 4)
    assert cross_validated(returns - 0.03 / 252, 2) == (0.0, 0.5)


@pytest.mark.parametrize(("rows", "columns", "slices"), [(64, 5, 4), (67, 9, 6), (80, 3, 8)])
def test_the_matrix_product_equals_brute_force(rows: int, columns: int, slices: int) -> None:
    for seed in range(5):
        returns = np.random.default_rng(seed).normal(size=(rows, columns))

        assert cross_validated(returns, slices) == pytest.approx(brute_force(returns, slices))


def test_one_skilled_strategy_is_not_overfitted_and_noise_is_about_even() -> None:
    noise = np.random.default_rng(3).normal(size=(512, 20))
    skilled = noise.copy()
    skilled[:, 4] += 0.35

    assert pbo(skilled, 10) < 0.05
    medians = [pbo(np.random.default_rng(seed).normal(size=(256, 20)), 8) for seed in range(25)]
    assert 0.25 < np.median(medians) < 0.75


def test_strategies_that_are_all_good_and_alike_are_chosen_by_luck_and_lose_nothing() -> None:
    market = np.random.default_rng(7).normal(0.5, 1.0, (400, 1))
    alike = market + np.random.default_rng(8).normal(0.0, 0.02, (400, 12))

    found = cross_validated(alike, 10)

    assert found.pbo > 0.2
    assert found.loss == 0.0
    assert cross_validated(-alike, 10).loss == 1.0


def test_units_and_the_order_of_strategies_do_not_matter() -> None:
    returns = np.random.default_rng(3).normal(size=(64, 7))

    assert pbo(returns * np.arange(1, 8), 4) == pbo(returns, 4) == pbo(returns[:, ::-1], 4)


@pytest.mark.parametrize(
    ("returns", "slices", "text"),
    [
        (np.zeros((20, 4)), 2, "constant"),
        (np.random.default_rng(1).normal(size=(20, 1)), 2, "at least 2 strategies"),
        (np.random.default_rng(1).normal(size=20), 2, "at least 2 strategies"),
        (np.random.default_rng(1).normal(size=(20, 3)), 3, "even"),
        (np.random.default_rng(1).normal(size=(20, 3)), 0, "even"),
        (np.random.default_rng(1).normal(size=(200, 3)), 22, "even"),
        (np.random.default_rng(1).normal(size=(20, 3)), 16, "at least 32 rows"),
        (np.full((20, 3), np.nan), 2, "finite"),
    ],
)
def test_returns_that_cannot_be_split_are_errors(returns: Floats, slices: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        pbo(returns, slices)
