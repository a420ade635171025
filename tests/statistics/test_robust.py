"""MAD z-scores against scipy and under outliers."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation, norm

from remora.statistics.robust import MAD_TO_DEVIATION, mad_z

samples = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=40, unique=True).map(np.array)


def test_the_factor_is_that_of_a_normal() -> None:
    assert pytest.approx(1 / norm.ppf(0.75), abs=1e-14) == MAD_TO_DEVIATION


def test_scores_equal_scipys() -> None:
    values = np.random.default_rng(1).standard_t(3, 200)

    expected = (values - np.median(values)) / median_abs_deviation(values, scale="normal")

    np.testing.assert_allclose(mad_z(values), expected, rtol=1e-7)


@given(values=samples, shift=st.floats(-1e3, 1e3), factor=st.floats(0.01, 100), data=st.data())
def test_order_shift_and_scale_do_not_matter(
    values: np.ndarray, shift: float, factor: float, data: st.DataObject
) -> None:
    assume(np.median(np.abs(values - np.median(values))) > 1e-3)
    order = np.array(data.draw(st.permutations(range(values.size))))

    np.testing.assert_allclose(mad_z(values[order]), mad_z(values)[order])
    np.testing.assert_allclose(mad_z(factor * values + shift), mad_z(values), rtol=1e-6, atol=1e-6)


def test_one_outlier_leaves_the_others_alone() -> None:
    values = np.arange(21.0)
    spoiled = values.copy()
    spoiled[-1] = 1e9

    np.testing.assert_allclose(mad_z(spoiled)[:-1], mad_z(values)[:-1])


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0, 5.0], [2.0], [], [1.0, np.nan, 2.0], [[1.0, 2.0], [3.0, 4.0]]])
def test_values_without_a_scale_are_an_error(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"equal|at least|finite|one-dimensional"):
        mad_z(values)
