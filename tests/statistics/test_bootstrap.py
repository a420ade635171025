"""Block sums against a loop, and what cannot be resampled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.statistics.bootstrap import block_size, circular_block_sums, sharpe_block_t


def test_block_sums_equal_a_loops() -> None:
    series = np.random.default_rng(3).normal(size=17)
    for block in (1, 2, 5, 17):
        looped = [np.take(series, range(i, i + block), mode="wrap").sum() for i in range(17)]

        np.testing.assert_allclose(circular_block_sums(series, block), looped, atol=1e-12)


def test_studentised_errors_equal_a_loops() -> None:
    series, block, n = np.random.default_rng(5).normal(0.1, 1.0, 61), 4, 61
    starts = np.random.default_rng(9).integers(0, n, (50, n // block))
    looped = []
    for row in starts:
        blocks = [np.take(series, range(i, i + block), mode="wrap") for i in row]
        y = np.concatenate(blocks)
        mean, square = y.mean(), (y**2).mean()
        deviation = np.sqrt(square - mean**2)
        gradient = np.array([square / deviation**3, -mean / (2 * deviation**3)])
        zetas = [np.array([(b - mean).sum(), (b**2 - square).sum()]) / np.sqrt(block) for b in blocks]
        psi = np.mean([np.outer(z, z) for z in zetas], axis=0)
        error = np.sqrt(gradient @ psi @ gradient / y.size)
        looped.append((mean / deviation - series.mean() / series.std()) / error)

    ours = sharpe_block_t(series, resamples=50, block=block, rng=np.random.default_rng(9))

    np.testing.assert_allclose(ours, looped, rtol=1e-9)


@given(scale=st.floats(1e-6, 1e6))
def test_the_unit_of_the_returns_does_not_matter(scale: float) -> None:
    series = np.random.default_rng(5).normal(0.1, 1.0, 40)

    np.testing.assert_allclose(
        sharpe_block_t(series * scale, resamples=20, block=3, rng=np.random.default_rng(1)),
        sharpe_block_t(series, resamples=20, block=3, rng=np.random.default_rng(1)),
        rtol=1e-6,
    )


def test_many_resamples_are_drawn_in_pieces() -> None:
    series = np.random.default_rng(5).normal(size=3000)

    assert sharpe_block_t(series, resamples=700, block=1, rng=np.random.default_rng(1)).size == 700


@pytest.mark.parametrize(
    ("values", "resamples", "block", "text"),
    [
        ([1.0, 1.0, 1.0, 1.0], 10, 1, "constant"),
        ([1.0, 2.0], 10, 1, "at least 4"),
        ([1.0, 2.0, 3.0, np.inf], 10, 1, "finite"),
        ([1.0, 2.0, 3.0, 5.0], 10, 3, "block must lie in"),
        ([1.0, 2.0, 3.0, 5.0], 10, 0, "block must lie in"),
        ([1.0, 2.0, 3.0, 5.0], 0, 1, "resamples must be"),
    ],
)
def test_what_cannot_be_resampled_is_an_error(values: list[float], resamples: int, block: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        sharpe_block_t(values, resamples=resamples, block=block, rng=np.random.default_rng(1))


@pytest.mark.parametrize(("n", "size"), [(1, 1), (60, 4), (1000, 10)])
def test_the_default_block_grows_with_the_cube_root(n: int, size: int) -> None:
    assert block_size(n) == size
