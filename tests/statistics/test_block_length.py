import math

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length as oracle
from hypothesis import given
from hypothesis import strategies as st

from remora.statistics.block_length import optimal_block_length


def autoregressive(noise: "np.ndarray[tuple[int], np.dtype[np.float64]]", rho: float) -> list[float]:
    series: list[float] = noise.tolist()
    for number in range(1, len(series)):
        series[number] += rho * series[number - 1]
    return series


def test_the_published_lengths_come_out() -> None:
    noise = np.random.RandomState(0).standard_normal(10_100)
    series = autoregressive(noise, 0.3)[100:]

    assert optimal_block_length(series) == pytest.approx((13.635665, 15.60894), abs=1e-5)


@pytest.mark.parametrize("seed", range(25))
def test_the_lengths_are_those_of_arch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    series = np.array(autoregressive(rng.standard_normal(int(rng.integers(150, 800))), (seed % 4) * 0.2))
    expected = oracle(series)

    assert optimal_block_length(series) == pytest.approx(
        (expected["stationary"].iloc[0], expected["circular"].iloc[0])
    )


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=80), st.floats(0.1, 50))
def test_the_scale_does_not_matter_and_lengths_are_bounded(values: list[float], scale: float) -> None:
    if np.std(values) < 1e-6:
        return
    lengths = optimal_block_length(values)

    assert all(0 <= length <= math.ceil(min(3 * math.sqrt(len(values)), len(values) / 3)) for length in lengths)
    assert optimal_block_length(np.array(values) * scale) == pytest.approx(lengths, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("wrong", [[1.0] * 30, [1.0, 2.0], [math.nan] * 20])
def test_series_without_dependence_to_measure_are_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="series must"):
        optimal_block_length(wrong)
