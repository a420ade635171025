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
from remora.statistics.scoring_params import Gate, RankBy, ScoringParams, Screen
from remora.statistics.scoring_table import MarketResolution, ScoredTrade, known_payouts, trade_table
from remora.statistics.track_record import TrackRecord, track_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything known about one wallet, and the gate at which it fell; None if it passed them all.

    `screen` says which habit made it fall at the gate of what cannot be copied.
    """

    record: TrackRecord
    standing: Standing | None
    tested: Tested | None
    gate: Gate | None
    detail: str
    screen: Screen | None = None


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
    records, rejected = wallet_records(trades, resolutions, as_of=as_of, params=params)
    return score_records(records, as_of=as_of, params=params, rng=rng, incomplete=incomplete, rejected=rejected)


def wallet_records(
    trades: pd.DataFrame | Sequence[ScoredTrade] | Sequence[Mapping[str, object]],
    resolutions: pd.DataFrame | Sequence[MarketResolution] | Sequence[Mapping[str, object]],
    *,
    as_of: datetime,
    params: ScoringParams,
) -> tuple[dict[str, TrackRecord], int]:
    """Return what each wallet's record is by itself, and how many rows could not be used.

    This is the part that can be done for some wallets at a time.
    """
    table = trade_table(trades, as_of=as_of, fee_rate=params.fee_rate)
    payouts = known_payouts(resolutions, as_of=as_of)
    return track_records(campaigns(table, payouts, params), as_of=as_of, params=params), table.rejected


def score_records(
    records: Mapping[str, TrackRecord],
    *,
    as_of: datetime,
    params: ScoringParams,
    rng: np.random.Generator,
    incomplete: frozenset[str] = frozenset(),
    rejected: int = 0,
) -> ScoringResult:
    """Return the roster at `as_of` from the records of all wallets, beside each other."""
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
        screen = None if gate is not Gate.COPYABLE else screened(record, params)
        evidence[wallet] = Evidence(
            record=record,
            standing=standing,
            tested=tested,
            gate=gate,
            detail=detail,
            screen=None if screen is None else screen[0],
        )
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
        rejected=rejected,
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
        oversold = "sold more than it was seen to buy"
        return Gate.HISTORY, "its history is not known to be whole" if record.complete else oversold
    if (detail := _sample_detail(record, params)) is not None:
        return Gate.SAMPLE, detail
    if (screen := screened(record, params)) is not None:
        return Gate.COPYABLE, screen[1]
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


def screened(record: TrackRecord, params: ScoringParams) -> tuple[Screen, str] | None:
    """Return the first habit that makes a wallet impossible to copy, in words too; None if there is none."""
    least = params.holding_to_latency_min * params.latency.total_seconds()
    checks = (
        (
            Screen.MARKET_MAKER,
            record.maker_share > params.maker_share_max,
            f"goes to and fro in {record.maker_share:.2f} of its trades, at most {params.maker_share_max}",
        ),
        (
            Screen.TWO_SIDED,
            record.two_sided > params.two_sided_max,
            f"buys both outcomes: {record.two_sided:.2f} of its shares, at most {params.two_sided_max}",
        ),
        (
            Screen.PAIR_ARBITRAGE,
            record.pair_share > params.pair_share_max,
            f"merges or splits {record.pair_share:.2f} of its shares, at most {params.pair_share_max}",
        ),
        (
            Screen.TOO_FAST,
            record.median_holding_s < least,
            f"holds for {record.median_holding_s:.0f} s, at least {least:.0f} s",
        ),
        (
            Screen.ONE_EVENT,
            record.gain_concentration > params.gain_concentration_max,
            (
                f"one event made {record.gain_concentration:.2f} of its gains, "
                f"at most {params.gain_concentration_max}"
            ),
        ),
    )
    return next(((screen, detail) for screen, failed, detail in checks if failed), None)


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
