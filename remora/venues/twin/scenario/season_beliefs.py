"""Latent probabilities of a generated season: martingales that end at the truth, and the price that follows.

The truth of an event is drawn first only in law: beliefs are conditional probabilities given the news so far, so
nobody who sees only prices has an edge. Who sees the belief before the price has caught up has one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Floats = npt.NDArray[np.float64]

NEWS_LEFT_AT_END = 0.004
"""Share of an event's uncertainty that only the resolution itself removes."""

_EVIDENCE = 5.0
"""Strength of the evidence that accumulates about the winner among exclusive outcomes."""


@dataclass(frozen=True, slots=True)
class Beliefs:
    """`belief[k, i]` is the probability of market k's outcome 0 at grid step i; `happened[k]` the truth."""

    belief: Floats
    happened: tuple[bool, ...]


def news_clock(steps: int, *, jumpiness: float, rng: np.random.Generator) -> Floats:
    """Return the share of all news that is out at each of `steps` instants, from 0 upwards.

    A high `jumpiness` concentrates the news on few instants.
    """
    shares = rng.gamma(1.0 / jumpiness, 1.0, size=steps) + 1e-6
    shares[0] = 0.0
    out: Floats = np.cumsum(shares) / shares.sum() * (1.0 - NEWS_LEFT_AT_END)
    return out


def threshold_beliefs(news: Floats, priors: list[float], rng: np.random.Generator) -> Beliefs:
    """Return beliefs of nested markets: does one uncertain number end above each threshold?

    With one prior this is an ordinary binary market; `priors` are the probabilities at the start.
    """
    increments = rng.normal(size=news.size) * np.sqrt(np.diff(news, prepend=0.0))
    level = np.cumsum(increments)
    left = np.sqrt(1.0 - news)
    final = level[-1] + rng.normal() * left[-1]
    thresholds = ndtri(1.0 - np.asarray(priors))
    belief = np.stack([ndtr((level - threshold) / left) for threshold in thresholds])
    return Beliefs(belief, tuple(bool(final > threshold) for threshold in thresholds))


def exclusive_beliefs(news: Floats, priors: list[float], rng: np.random.Generator) -> Beliefs:
    """Return beliefs of markets of which exactly one comes true; they sum to 1 at every instant."""
    weights = np.asarray(priors) / sum(priors)
    winner = int(rng.choice(len(priors), p=weights))
    steps = np.diff(news, prepend=0.0)
    evidence = np.cumsum(rng.normal(size=(len(priors), news.size)) * np.sqrt(steps), axis=1)
    evidence[winner] += _EVIDENCE * news
    logits = np.log(weights)[:, None] + _EVIDENCE * evidence
    odds = np.exp(logits - logits.max(axis=0))
    return Beliefs(odds / odds.sum(axis=0), tuple(index == winner for index in range(len(priors))))


def next_price(price: float, belief: float, previous_belief: float, *, caught_up: float, instant: float) -> float:
    """Return the market's price one step on: part of the news at once, then a share of the remaining gap."""
    price += instant * (belief - previous_belief)
    price += caught_up * (belief - price)
    return min(max(price, 0.012), 0.988)
