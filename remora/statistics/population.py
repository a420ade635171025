"""Wallets beside each other: shrunk Sharpe ratios and win rates, the composite score, false discoveries."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtr
from scipy.stats import t as student

from remora.statistics.arrays import varies
from remora.statistics.robust import centre_and_scale
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.selection import bh_q_values
from remora.statistics.sharpe import ewma_sharpe, sharpe_hac_se
from remora.statistics.shrinkage import beta_binomial, empirical_bayes_pull, mixture_posterior
from remora.statistics.track_record import TrackRecord

DAYS_MIN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One wallet's scores. Sharpe ratios are annual, rates are fractions."""

    sharpe: float
    sharpe_shrunk: float
    sharpe_error: float
    win_rate: float
    win_rate_low: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How a shrunk Sharpe ratio and win rate become a score: the same for estimates and lower bounds."""

    sharpe_centre: float
    sharpe_scale: float
    win_rate_centre: float
    win_rate_scale: float
    sharpe_weight: float
    win_rate_weight: float

    def score(self, sharpe: float, win_rate: float) -> float:
        """Return 100 times the normal probability of the weighted robust z-scores."""
        composite = self.sharpe_weight * (sharpe - self.sharpe_centre) / self.sharpe_scale
        composite += self.win_rate_weight * (win_rate - self.win_rate_centre) / self.win_rate_scale
        return 100.0 * float(ndtr(composite))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The follow edge of one wallet, dollars per share, among all that were tested."""

    edge: float
    p: float
    q: float


def standings(
    records: Mapping[str, TrackRecord], params: ScoringParams
) -> tuple[dict[str, Standing], Scale | None, str]:
    """Return the standing of each wallet that passed the sample gate, and the scale they share.

    Without a population (too few wallets, or so equal that they have no scale) there are no scores: the text
    says why.
    """
    measured = {wallet: record for wallet, record in records.items() if _measurable(record)}
    if len(measured) < params.population_min:
        return {}, None, f"{len(measured)} wallets can be compared, scores need {params.population_min}"
    annual = float(np.sqrt(params.days_per_year))
    raw, variance = np.array([_sharpe(record, params) for record in measured.values()]).T
    shrunk, _, pull = empirical_bayes_pull(raw, variance)
    wins = np.array([float(record.wins) for record in measured.values()])
    events = np.array([float(record.closed_events) for record in measured.values()])
    rate, a, b = beta_binomial(wins, events)
    low = betaincinv(a + wins, b + events - wins, 1.0 - params.confidence)
    try:
        sharpe_centre, sharpe_scale = centre_and_scale(shrunk * annual)
        rate_centre, rate_scale = centre_and_scale(rate)
    except ValueError as error:
        return {}, None, f"the wallets cannot be told apart: {error}"
    scale = Scale(
        sharpe_centre=sharpe_centre,
        sharpe_scale=sharpe_scale,
        win_rate_centre=rate_centre,
        win_rate_scale=rate_scale,
        sharpe_weight=params.sharpe_weight,
        win_rate_weight=params.win_rate_weight,
    )
    places = {
        wallet: Standing(
            sharpe=float(raw[i]) * annual,
            sharpe_shrunk=float(shrunk[i]) * annual,
            sharpe_error=float(np.sqrt(variance[i] * (1.0 - pull[i]))) * annual,
            win_rate=float(rate[i]),
            win_rate_low=float(low[i]),
            score=scale.score(float(shrunk[i]) * annual, float(rate[i])),
        )
        for i, wallet in enumerate(measured)
    }
    return places, scale, ""


def _measurable(record: TrackRecord) -> bool:
    return record.daily.size >= DAYS_MIN and varies(record.daily)


def _sharpe(record: TrackRecord, params: ScoringParams) -> tuple[float, float]:
    """Return the daily ratio and its variance: HAC, for as many days as the weights leave, never below iid."""
    ratio, n_eff = ewma_sharpe(record.daily, params.half_life_days)
    independent = (1.0 + ratio**2 / 2.0) / n_eff
    long_run = sharpe_hac_se(record.daily) ** 2 * record.daily.size / n_eff
    return ratio, max(independent, long_run)


def follow_edges(records: Mapping[str, TrackRecord], params: ScoringParams) -> dict[str, Tested]:
    """Return posterior edge, p-value and false discovery rate of each wallet with enough closed events.

    The p-value is one-sided against no edge, by Student's t with one less than the closed events; all tested
    wallets count, whatever gates they fail.
    """
    tested = {
        wallet: record
        for wallet, record in records.items()
        if record.closed_events >= params.tested_events_min and 0 < record.edge_variance < np.inf
    }
    if not tested:
        return {}
    edge = np.array([record.edge for record in tested.values()])
    variance = np.array([record.edge_variance for record in tested.values()])
    freedom = np.array([record.closed_events - 1 for record in tested.values()])
    p = np.asarray(student.sf(edge / np.sqrt(variance), freedom), dtype=np.float64)
    q = bh_q_values(p)
    # too few wallets show no prior, and without one nobody is credited with an edge
    mean = mixture_posterior(edge, variance) if edge.size >= params.population_min else np.zeros_like(edge)
    return {wallet: Tested(edge=float(mean[i]), p=float(p[i]), q=float(q[i])) for i, wallet in enumerate(tested)}
