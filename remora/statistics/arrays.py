"""What every statistic asks of its input."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def finite_vector(values: ArrayLike, *, name: str, at_least: int) -> Floats:
    """Return `values` as a vector of floats; raise ValueError if it is short, not flat or not finite."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, had shape {vector.shape}")
    if vector.size < at_least:
        raise ValueError(f"{name} must hold at least {at_least} values, held {vector.size}")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} must be finite, held {int((~np.isfinite(vector)).sum())} that are not")
    return vector


def same_length(**vectors: Floats | Sequence[object] | NDArray[np.generic]) -> None:
    """Raise ValueError unless all vectors are equally long."""
    lengths = {name: len(vector) for name, vector in vectors.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"expected equal lengths, found {lengths}")


def varies(values: Floats) -> bool:
    """Whether the values differ by more than rounding."""
    return float(values.std()) > 1e-12 * max(1e-300, float(np.abs(values).max()))
