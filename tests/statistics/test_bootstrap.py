"""Block sums against a loop, and what cannot be resampled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.statistics.bootstrap import block_size, check_resampling, circular_block_sums, sharpe_block_t


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


def test_resamples_that_do_not_vary_are_left_out_and_the_others_equal_a_loops() -> None:
    series, block = np.array([0.0] * 30 + [1.0, -0.5]), 4
    starts = np.random.default_rng(2).integers(0, 32, (400, 8))
    looped = []
    for row in starts:
        blocks = [np.take(series, range(i, i + block), mode="wrap") for i in row]
        y = np.concatenate(blocks)
        mean, square = y.mean(), (y**2).mean()
        variance = square - mean**2
        zeta = [square * (b - mean).sum() - 0.5 * mean * (b**2 - square).sum() for b in blocks]
        spread = float(np.square(zeta).sum())
        if variance > 1e-12 and spread > 1e-24:
            error = np.sqrt(spread / (variance**3 * y.size)) / np.sqrt(y.size)
            looped.append((mean / np.sqrt(variance) - series.mean() / series.std()) / error)

    ours = sharpe_block_t(series, resamples=400, block=block, rng=np.random.default_rng(2))

    assert ours.size == len(looped) < 400
    np.testing.assert_allclose(ours, looped, rtol=1e-6, atol=1e-12)


def test_a_series_of_which_no_resample_varies_is_an_error() -> None:
    with pytest.raises(ValueError, match="no resample varied"):
        # both blocks drawn are the same one, or hold the same two values
        sharpe_block_t([1.0, -1.0, 1.0, -1.0], resamples=50, block=2, rng=np.random.default_rng(1))


def test_the_room_for_a_resample_is_checked() -> None:
    check_resampling(8, resamples=1, block=4)
    for n, resamples, block in ((8, 0, 4), (8, 1, 5), (8, 1, 0), (1, 1, 1)):
        with pytest.raises(ValueError, match="must"):
            check_resampling(n, resamples=resamples, block=block)


@given(values=st.lists(st.floats(-10, 10), min_size=2, max_size=40), data=st.data())
def test_the_block_sums_sum_to_the_series_as_often_as_a_block_is_long(
    values: list[float], data: st.DataObject
) -> None:
    block = data.draw(st.integers(1, len(values)))

    assert circular_block_sums(np.array(values), block).sum() == pytest.approx(block * sum(values), abs=1e-9)
