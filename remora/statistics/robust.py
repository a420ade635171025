"""Standard scores that outliers cannot bend."""

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats, finite_vector

MAD_TO_DEVIATION = 1.482602218505602
"""``1 / Phi^-1(3/4)``: the standard deviation of a normal whose MAD is 1."""


def centre_and_scale(values: ArrayLike) -> tuple[float, float]:
    """Return the median and the normal-consistent median absolute deviation (Hampel 1974).

    Raises ValueError when at least half of the values are equal: their MAD is 0 and no score can be given.
    """
    vector = finite_vector(values, name="values", at_least=2)
    centre = float(np.median(vector))
    scale = MAD_TO_DEVIATION * float(np.median(np.abs(vector - centre)))
    if scale <= 1e-14 * max(1.0, abs(centre)):
        raise ValueError("at least half of the values are equal: their median absolute deviation is 0")
    return centre, scale


def mad_z(values: ArrayLike) -> Floats:
    """Return ``(x - median) / (1.4826 MAD)`` for each value.

    Raises ValueError when at least half of the values are equal.
    """
    centre, scale = centre_and_scale(values)
    return (np.asarray(values, dtype=np.float64) - centre) / scale
