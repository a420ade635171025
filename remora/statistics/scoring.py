"""Decide who is followed: point-in-time, at a copier's prices, corrected for luck; "nobody" is an answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from remora.statistics.bootstrap import block_size, sharpe_block_t
from remora.statistics.campaigns import campaigns
from remora.statistics.population import Scale, Standing, Tested, follow_edges, standings
from remora.statistics.scoring_params import Gate, RankBy, ScoringParams
from remora.statistics.scoring_table import MarketResolution, ScoredTrade, known_payouts, trade_table
from remora.statistics.track_record import TrackRecord, track_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything known about one wallet, and the gate at which it fell; None if it passed them all."""

    record: TrackRecord
    standing: Standing | None
    tested: Tested | None
    gate: Gate | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterPlace:
    """A wallet that passed every gate; `edge` is its posterior mean, dollars per share at a copier's price."""

    wallet: str
    edge: float
    score: float
    score_low: float
    sharpe_low: float
    win_rate_low: float
    q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringResult:
    """Who is followed and why nobody else is.

    `funnel` counts the wallets that left at each gate, in order, and the rest under ``roster``: it sums to the
    number of wallets. `rejected` counts rows of the table that could not be used.
    """

    as_of: datetime
    params: ScoringParams
    roster: tuple[RosterPlace, ...]
    funnel: Mapping[str, int]
    evidence: Mapping[str, Evidence]
    rejected: int
    notice: str


def score_wallets(
    trades: pd.DataFrame | Sequence[ScoredTrade] | Sequence[Mapping[str, object]],
    resolutions: pd.DataFrame | Sequence[MarketResolution] | Sequence[Mapping[str, object]],
    *,
    as_of: datetime,
    params: ScoringParams,
    rng: np.random.Generator,
    incomplete: frozenset[str] = frozenset(),
) -> ScoringResult:
    """Return the roster at `as_of`, best first, with each wallet's evidence.

    Nothing that was not known at `as_of` has any influence. `incomplete` names wallets whose history is known
    to be cut off; selling more than one was seen to buy counts as such too. Raises ValueError for tables without
    the columns they need.
    """
    table = trade_table(trades, as_of=as_of, fee_rate=params.fee_rate)
    payouts = known_payouts(resolutions, as_of=as_of)
    records = track_records(campaigns(table, payouts, params), as_of=as_of, params=params)
    cut_off = {wallet.lower() for wallet in incomplete}
    sampled = {
        wallet: record
        for wallet, record in records.items()
        if record.complete and wallet not in cut_off and _sample_detail(record, params) is None
    }
    places, scale, notice = standings(sampled, params)
    edges = follow_edges(records, params)
    evidence: dict[str, Evidence] = {}
    for wallet, record in records.items():
        standing, tested = places.get(wallet), edges.get(wallet)
        complete = record.complete and wallet not in cut_off
        gate, detail = _first_gate(record, standing, tested, params, complete=complete, notice=notice)
        evidence[wallet] = Evidence(record=record, standing=standing, tested=tested, gate=gate, detail=detail)
    passed = [
        _place(wallet, found, scale, params, rng) for wallet, found in evidence.items() if found.gate is None
    ]
    fell = Counter(found.gate for found in evidence.values())
    return ScoringResult(
        as_of=as_of,
        params=params,
        roster=tuple(sorted(passed, key=lambda place: _rank(place, params), reverse=True)),
        funnel={gate.value: fell[gate] for gate in Gate} | {"roster": fell[None]},
        evidence=evidence,
        rejected=table.rejected,
        notice=notice,
    )


def _rank(place: RosterPlace, params: ScoringParams) -> tuple[float, float, str]:
    first, second = place.score_low, place.edge
    return (second, first, place.wallet) if params.rank_by is RankBy.EDGE else (first, second, place.wallet)


def _first_gate(
    record: TrackRecord,
    standing: Standing | None,
    tested: Tested | None,
    params: ScoringParams,
    *,
    complete: bool,
    notice: str,
) -> tuple[Gate | None, str]:
    if not complete:
        return Gate.HISTORY, "sold more than it was seen to buy, or its history is cut off"
    if (detail := _sample_detail(record, params)) is not None:
        return Gate.SAMPLE, detail
    if (detail := _copy_detail(record, params)) is not None:
        return Gate.COPYABLE, detail
    if standing is None:
        return Gate.SCORE, notice or "its days do not vary"
    if standing.win_rate < params.win_rate_min:
        return Gate.WIN_RATE, f"posterior win rate {standing.win_rate:.3f} below {params.win_rate_min}"
    if standing.sharpe_shrunk < params.sharpe_min:
        return Gate.SHARPE, f"shrunk annual Sharpe ratio {standing.sharpe_shrunk:.2f} below {params.sharpe_min}"
    if standing.score < params.score_min:
        return Gate.SCORE, f"score {standing.score:.1f} below {params.score_min}"
    if tested is None or tested.q > params.false_discovery_rate or tested.edge <= 0:
        found = "not tested" if tested is None else f"q {tested.q:.3f}, posterior edge {tested.edge:+.4f}"
        return Gate.FALSE_DISCOVERY, f"{found}; needs q at most {params.false_discovery_rate} and an edge above 0"
    return None, ""


def _sample_detail(record: TrackRecord, params: ScoringParams) -> str | None:
    if record.closed_events < params.closed_events_min:
        return f"{record.closed_events} closed events of {params.closed_events_min}"
    if record.rarer_outcome < params.rarer_outcome_min:
        return f"{record.rarer_outcome} events of the rarer outcome of {params.rarer_outcome_min}"
    return None


def _copy_detail(record: TrackRecord, params: ScoringParams) -> str | None:
    if record.two_sided > params.two_sided_max:
        return f"buys both outcomes: {record.two_sided:.2f} of its shares, at most {params.two_sided_max}"
    least = params.holding_to_latency_min * params.latency.total_seconds()
    if record.median_holding_s < least:
        return f"holds for {record.median_holding_s:.0f} s, at least {least:.0f} s"
    if record.gain_concentration > params.gain_concentration_max:
        return (
            f"one event made {record.gain_concentration:.2f} of its gains, at most {params.gain_concentration_max}"
        )
    return None


def _place(
    wallet: str, found: Evidence, scale: Scale | None, params: ScoringParams, rng: np.random.Generator
) -> RosterPlace:
    standing, tested = found.standing, found.tested
    assert standing is not None
    assert tested is not None
    assert scale is not None
    daily = found.record.daily
    errors = sharpe_block_t(daily, resamples=params.resamples, block=block_size(daily.size), rng=rng)
    quantile = max(0.0, float(np.quantile(errors, params.confidence)))
    sharpe_low = standing.sharpe_shrunk - quantile * standing.sharpe_error
    return RosterPlace(
        wallet=wallet,
        edge=tested.edge,
        score=standing.score,
        score_low=scale.score(sharpe_low, standing.win_rate_low),
        sharpe_low=sharpe_low,
        win_rate_low=standing.win_rate_low,
        q=tested.q,
    )
