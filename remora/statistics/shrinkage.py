"""Many noisy estimates, each pulled towards what they have in common."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize
from scipy.special import betaln

from remora.statistics.arrays import Floats, finite_vector, same_length

CONCENTRATION = (1e-2, 1e6)
"""Range of a + b that a Beta prior may take; the upper end means that all rates are the same."""


GROUP_ABOVE = 2_000
"""Estimates beyond which the prior is fitted to groups of nearly equal ones: the time would grow without end."""


def james_stein(estimates: ArrayLike, variance: float) -> Floats:
    """Return the estimates shrunk towards their mean by ``(1 - (k - 3) v / S)+`` (Efron and Morris 1975).

    All estimates have the same known `variance`. Raises ValueError for fewer than 4 estimates or a variance
    below 0.
    """
    values = finite_vector(estimates, name="estimates", at_least=4)
    if not 0 <= variance < np.inf:
        raise ValueError(f"variance must be finite and not negative, was {variance}")
    centre = values.mean()
    spread = float(((values - centre) ** 2).sum())
    pulled = (values.size - 3) * variance
    factor = 0.0 if pulled >= spread else 1.0 - pulled / spread
    shrunk: Floats = centre + factor * (values - centre)
    return shrunk


def empirical_bayes(estimates: ArrayLike, variances: ArrayLike) -> tuple[Floats, Floats]:
    """Return posterior mean and standard deviation of each estimate under a common normal prior.

    The prior's variance solves ``sum(w (y - m)^2) = k - 1`` with ``w = 1 / (v + tau^2)`` (Paule and Mandel), 0
    if the estimates differ less than their variances explain; Morris' (1983) factor (k-3)/(k-1) allows for it
    being estimated. Raises ValueError for fewer than 4 estimates or variances that are not above 0: a wallet
    without a loss has no variance of its own and must be given a pooled one.
    """
    mean, deviation, _ = empirical_bayes_pull(estimates, variances)
    return mean, deviation


def empirical_bayes_pull(estimates: ArrayLike, variances: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return what :func:`empirical_bayes` returns and each estimate's shrinkage B in [0, 1]."""
    values = finite_vector(estimates, name="estimates", at_least=4)
    noise = finite_vector(variances, name="variances", at_least=4)
    same_length(estimates=values, variances=noise)
    if not (noise > 0).all():
        raise ValueError(f"variances must be above 0, {int((noise <= 0).sum())} were not")
    k = values.size

    def excess(tau2: float) -> float:
        weights = 1.0 / (noise + tau2)
        centre = weights @ values / weights.sum()
        return float(weights @ (values - centre) ** 2 - (k - 1))

    upper = 10.0 * float(np.var(values) + noise.max())
    tau2 = 0.0 if excess(0.0) <= 0.0 else float(optimize.brentq(excess, 0.0, upper))
    weights = 1.0 / (noise + tau2)
    centre = float(weights @ values / weights.sum())
    pull = (k - 3) / (k - 1) * noise / (noise + tau2)
    return centre + (1.0 - pull) * (values - centre), np.sqrt(noise * (1.0 - pull)), pull


def mixture_posterior(
    estimates: ArrayLike, variances: ArrayLike, *, points: int = 101, rounds: int = 400
) -> Floats:
    """Return posterior means under the prior that the estimates themselves suggest, whatever its shape.

    The prior is a distribution over a grid that spans the estimates, fitted by maximum likelihood (Kiefer and
    Wolfowitz 1956; Jiang and Zhang 2009) in `rounds` steps of EM from a flat start. Where nearly everyone has no
    edge and a few have much, a normal prior pulls the few down to the many; this one does not. Raises ValueError
    for fewer than 4 estimates or variances that are not above 0.
    """
    values = finite_vector(estimates, name="estimates", at_least=4)
    noise = finite_vector(variances, name="variances", at_least=4)
    same_length(estimates=values, variances=noise)
    if not (noise > 0).all():
        raise ValueError(f"variances must be above 0, {int((noise <= 0).sum())} were not")
    grid = np.linspace(values.min(), values.max(), points)
    fitted, weights = _grouped(values, noise)
    likelihood = _likelihood(fitted[0], fitted[1], grid)
    prior = np.full(points, 1.0 / points)
    for _ in range(rounds):
        posterior = likelihood * prior
        posterior /= posterior.sum(1, keepdims=True)
        prior = weights @ posterior
    posterior = _likelihood(values, noise, grid) * prior
    means: Floats = posterior @ grid / posterior.sum(1)
    return means


def _likelihood(values: Floats, noise: Floats, grid: Floats) -> Floats:
    exponent = -((values[:, None] - grid) ** 2) / (2.0 * noise[:, None])
    likelihood: Floats = np.exp(exponent - exponent.max(1, keepdims=True))
    return likelihood


def _grouped(values: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """Return estimates with variances (2, n) and shares; many are counted in cells an eighth of an error wide."""
    if values.size <= GROUP_ABOVE:
        return np.stack([values, noise]), np.full(values.size, 1.0 / values.size)
    scale = np.round(4.0 * np.log(noise))
    width = np.exp(scale / 8.0) / 8.0
    cells, members, counts = np.unique(
        np.stack([np.round(values / width), scale]), axis=1, return_inverse=True, return_counts=True
    )
    middle = [np.bincount(members.ravel(), weights=column) / counts for column in (values, noise)]
    assert len(counts) == cells.shape[1]
    return np.stack(middle), counts / values.size


def beta_binomial(wins: ArrayLike, n: ArrayLike) -> tuple[Floats, float, float]:
    """Return each wallet's posterior mean rate and the Beta prior (a, b) that all of them suggest.

    The prior maximises the marginal likelihood; posterior ``(a + wins) / (a + b + n)``. Raises ValueError for no
    wallets, no trials at all, or wins outside [0, n].
    """
    won = finite_vector(wins, name="wins", at_least=1)
    tried = finite_vector(n, name="n", at_least=1)
    same_length(wins=won, n=tried)
    if not ((won >= 0) & (won <= tried)).all():
        raise ValueError("wins must lie in [0, n] for every wallet")
    if tried.sum() == 0:
        raise ValueError("n must be above 0 for at least one wallet")
    pairs, counts = np.unique(np.stack([won, tried]), axis=1, return_counts=True)

    def loss(parameters: Floats) -> float:
        a, b = _prior(parameters)
        return -float(counts @ (betaln(pairs[0] + a, pairs[1] - pairs[0] + b) - betaln(a, b)))

    rate = min(max(float(won.sum() / tried.sum()), 1e-4), 1 - 1e-4)
    bounds = [(-9.3, 9.3), (float(np.log(CONCENTRATION[0])), float(np.log(CONCENTRATION[1])))]
    starts = [np.array([np.log(rate / (1 - rate)), np.log(size)]) for size in (2.0, 20.0, 200.0)]
    fits = [optimize.minimize(loss, start, bounds=bounds, method="L-BFGS-B") for start in starts]
    a, b = _prior(min(fits, key=lambda fit: float(fit.fun)).x)
    return (a + won) / (a + b + tried), a, b


def _prior(parameters: Floats) -> tuple[float, float]:
    rate, size = 1.0 / (1.0 + np.exp(-parameters[0])), np.exp(parameters[1])
    return float(rate * size), float((1.0 - rate) * size)
