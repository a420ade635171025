"""Skill beside luck: what prices, outcomes and later prices say about a wallet's purchases."""

import numpy as np
from numpy.typing import ArrayLike

from remora.statistics.arrays import Floats, finite_vector, same_length


def profit_factor(profits: ArrayLike) -> float | None:
    """Return gains over losses in absolute value; None without a loss, where the ratio has no value.

    Raises ValueError for values that are not finite. No profits at all have no factor either.
    """
    values = finite_vector(profits, name="profits", at_least=0)
    losses = -float(values[values < 0].sum())
    return None if losses == 0.0 else float(values[values > 0].sum()) / losses


def poisson_binomial_tail(wins: int, prices: ArrayLike) -> float:
    """Return the chance of at least `wins` wins if every purchase wins with the probability of its price.

    Exact, by convolution: the number of successes of independent trials with different probabilities. Raises
    ValueError for prices outside [0, 1] or wins outside [0, n].
    """
    chances = finite_vector(prices, name="prices", at_least=0)
    if ((chances < 0) | (chances > 1)).any():
        raise ValueError(f"prices must lie in [0, 1], were in [{chances.min()}, {chances.max()}]")
    if not 0 <= wins <= chances.size:
        raise ValueError(f"wins must lie in [0, {chances.size}], was {wins}")
    mass = np.ones(1)
    for chance in chances:
        mass = np.append(mass * (1.0 - chance), 0.0) + np.insert(mass * chance, 0, 0.0)
    return float(min(1.0, mass[wins:].sum()))


def clustered_mean(values: ArrayLike, weights: ArrayLike, clusters: ArrayLike) -> tuple[float, float]:
    """Return the weighted mean and its standard error, values of one cluster counting as one observation.

    ``se^2 = g / (g - 1) * sum over clusters (sum of w (x - m))^2 / (sum of w)^2`` for g clusters: any dependence
    within a cluster is allowed. With one cluster the error is infinite: nothing is known about it. Raises
    ValueError for no values, unequal lengths, or weights that are negative or sum to 0.
    """
    x = finite_vector(values, name="values", at_least=1)
    w = finite_vector(weights, name="weights", at_least=1)
    labels = np.asarray(clusters)
    same_length(values=x, weights=w, clusters=labels)
    if (w < 0).any() or w.sum() <= 0:
        raise ValueError("weights must not be negative and must sum to more than 0")
    mean = float(w @ x / w.sum())
    _, index = np.unique(labels, return_inverse=True)
    sums = np.bincount(index, weights=w * (x - mean))
    count = sums.size
    if count < 2:
        return mean, float("inf")
    return mean, float(np.sqrt(sums @ sums * count / (count - 1)) / w.sum())


def mark_outs(costs: ArrayLike, later: ArrayLike, events: ArrayLike) -> tuple[float, float, int] | None:
    """Return mean, clustered standard error and number of ``later price - cost``; None when no price is known.

    `later` is the price of the outcome some time after each purchase, NaN where nobody traded: those purchases
    are left out. Short mark-outs alone prove nothing: a purchase and its copiers move the price by themselves.
    """
    cost = finite_vector(costs, name="costs", at_least=0)
    price = np.asarray(later, dtype=np.float64)
    labels = np.asarray(events)
    same_length(costs=cost, later=price, events=labels)
    known = np.isfinite(price)
    if not known.any():
        return None
    mean, error = clustered_mean((price - cost)[known], np.ones(int(known.sum())), labels[known])
    return mean, error, int(known.sum())


def elapsed_weights(ages: ArrayLike, half_life: float) -> Floats:
    """Return EWMA weights ``2^(-age / half_life)`` that sum to 1, by elapsed time and not by row.

    `ages` and `half_life` share a unit. Raises ValueError for no ages, negative ones, or a half life that is not
    above 0.
    """
    elapsed = finite_vector(ages, name="ages", at_least=1)
    if (elapsed < 0).any():
        raise ValueError(f"ages must not be negative, the least was {elapsed.min()}")
    if not half_life > 0:
        raise ValueError(f"half_life must be above 0, was {half_life}")
    weights = np.exp2(-(elapsed - elapsed.min()) / half_life)
    shares: Floats = weights / weights.sum()
    return shares


def weighted_sharpe(returns: ArrayLike, ages: ArrayLike, half_life: float) -> tuple[float, float]:
    """Return the EWMA Sharpe ratio by elapsed time, and the effective number of observations.

    The same as :func:`remora.statistics.sharpe.ewma_sharpe` when the ages are 0, 1, 2 ... periods. Raises
    ValueError for fewer than 2 returns or returns that do not vary.
    """
    series = finite_vector(returns, name="returns", at_least=2)
    weights = elapsed_weights(ages, half_life)
    same_length(returns=series, ages=weights)
    n_eff = 1.0 / float(weights @ weights)
    mean = float(weights @ series)
    spread = float(weights @ (series - mean) ** 2)
    if spread <= 1e-24 * max(1e-300, float(np.abs(series).max()) ** 2):
        raise ValueError("returns must vary within the half life, were constant")
    return mean / float(np.sqrt(spread / (1.0 - 1.0 / n_eff))), n_eff
