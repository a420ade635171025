"""Choosing among many wallets without choosing the lucky ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from remora.statistics.arrays import Floats, finite_vector, same_length


def benjamini_hochberg(p: ArrayLike, q: float) -> NDArray[np.bool_]:
    """Return which hypotheses are rejected at false discovery rate `q` (Benjamini and Hochberg 1995).

    Raises ValueError for p-values outside [0, 1], NaN included, or q outside (0, 1). No p-values, no rejections.
    """
    if not 0 < q < 1:
        raise ValueError(f"q must lie in (0, 1), was {q}")
    return bh_q_values(p) <= q


def bh_q_values(p: ArrayLike) -> Floats:
    """Return for each p-value the smallest false discovery rate at which it is rejected."""
    values = finite_vector(p, name="p", at_least=0)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f"p-values must lie in [0, 1], were in [{values.min()}, {values.max()}]")
    order = np.argsort(values, kind="stable")
    ranked = values[order] * values.size / np.arange(1, values.size + 1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return adjusted


def edge_z(outcomes: ArrayLike, costs: ArrayLike, events: ArrayLike) -> float:
    """Return the z statistic of the mean edge ``outcome - cost``, with positions of one event as one observation.

    ``z = sum(e) / sqrt(sum over events of (sum of e in the event)^2)``: the variance is taken under the null of
    no edge and allows any dependence within an event. Raises ValueError for no positions, unequal lengths,
    outcomes or costs outside [0, 1], or edges that cancel within every event.
    """
    paid = finite_vector(outcomes, name="outcomes", at_least=1)
    cost = finite_vector(costs, name="costs", at_least=1)
    labels = np.asarray(events)
    same_length(outcomes=paid, costs=cost, events=labels)
    for name, values in (("outcomes", paid), ("costs", cost)):
        if ((values < 0) | (values > 1)).any():
            raise ValueError(f"{name} must lie in [0, 1], were in [{values.min()}, {values.max()}]")
    _, index = np.unique(labels, return_inverse=True)
    sums = np.bincount(index, weights=paid - cost)
    spread = float(np.sqrt(sums @ sums))
    if spread <= 1e-12:
        raise ValueError("the edges of every event sum to 0: there is nothing to test")
    return float(sums.sum()) / spread
