"""Choosing whales from the store: everybody is examined, everybody leaves at one named gate or is chosen."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from remora.research.controls import CONTROLS, controlled
from remora.research.store import Evidence, ResearchStore
from remora.statistics.scoring import ScoringResult, score_records, score_wallets, wallet_records
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.track_record import no_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Who qualifies at `as_of` and why nobody else does.

    `result.funnel` adds up to the wallets seen by then; `not_seen_yet` more are in the store. `controls` counts
    whom the same rules choose where there is no skill. `assumed_complete` says that the first gate was waived,
    which makes the result a question, not a roster.
    """

    result: ScoringResult
    evidence: Evidence
    not_seen_yet: int
    assumed_complete: bool
    screens: Mapping[str, int] = field(default_factory=dict)
    controls: Mapping[str, int] = field(default_factory=dict)

    @property
    def left_out(self) -> dict[str, int]:
        """How many rows known by then could not be used, by reason."""
        return {**self.evidence.left_out, "unusable": self.result.rejected}

    @property
    def wallets(self) -> int:
        """How many wallets were seen by then."""
        return len(self.evidence.wallets)


def discover(
    store: ResearchStore,
    *,
    as_of: datetime,
    params: ScoringParams,
    rng: np.random.Generator,
    assume_complete: bool = False,
    controls: bool = True,
) -> Discovery:
    """Examine every wallet that was seen by `as_of`, with what was known then and nothing else."""
    evidence = store.evidence(as_of=as_of, latency=params.latency)
    incomplete = frozenset[str]() if assume_complete else evidence.incomplete
    records, rejected = wallet_records(evidence.trades, evidence.resolutions, as_of=as_of, params=params)
    everybody = {wallet: records.get(wallet) or no_record(wallet) for wallet in evidence.wallets}
    if assume_complete:
        everybody = {wallet: replace(record, complete=True) for wallet, record in everybody.items()}
    result = score_records(
        everybody, as_of=as_of, params=params, rng=rng, incomplete=incomplete, rejected=rejected
    )
    screens = Counter(found.screen.value for found in result.evidence.values() if found.screen is not None)
    return Discovery(
        result=result,
        evidence=evidence,
        not_seen_yet=store.count_wallets() - len(evidence.wallets),
        assumed_complete=assume_complete,
        screens=dict(sorted(screens.items())),
        controls=run_controls(evidence, params, rng, incomplete=incomplete) if controls else {},
    )


def run_controls(
    evidence: Evidence, params: ScoringParams, rng: np.random.Generator, *, incomplete: frozenset[str]
) -> dict[str, int]:
    """Return how many wallets the rules choose in each control."""
    chosen = {}
    for name in CONTROLS:
        trades, resolutions = controlled(evidence, name, rng)
        result = score_wallets(
            trades, resolutions, as_of=evidence.as_of, params=params, rng=rng, incomplete=incomplete
        )
        chosen[name] = len(result.roster)
    return chosen


def ranking(discovery: Discovery) -> list[dict[str, Any]]:
    """Return one row for each wallet, the chosen first in their order, then by how far they got and by edge."""
    order = {gate: place for place, gate in enumerate(discovery.result.funnel)}
    places = {place.wallet: number for number, place in enumerate(discovery.result.roster, start=1)}
    rows = [_row(wallet, discovery, places.get(wallet)) for wallet in discovery.result.evidence]
    return sorted(
        rows,
        key=lambda row: (
            row["rank"] is None,
            row["rank"] or 0,
            -order[row["gate"] or "roster"],
            -(row["edge"] if row["edge"] is not None else -1.0),
            row["wallet"],
        ),
    )


def _row(wallet: str, discovery: Discovery, rank: int | None) -> dict[str, Any]:
    found = discovery.result.evidence[wallet]
    record, standing, tested = found.record, found.standing, found.tested
    place = None if rank is None else discovery.result.roster[rank - 1]
    return {
        "rank": rank,
        "wallet": wallet,
        "gate": None if found.gate is None else found.gate.value,
        "screen": None if found.screen is None else found.screen.value,
        "why": found.detail or "passed every gate",
        "closed_events": record.closed_events,
        "open_events": record.open_events,
        "wins": record.wins,
        "trades": record.trades,
        "pnl_usd": record.pnl,
        "profit_factor": record.profit_factor,
        "raw_edge": record.edge if record.closed_events else None,
        "edge_error": float(np.sqrt(record.edge_variance)) if np.isfinite(record.edge_variance) else None,
        "edge": None if tested is None else tested.edge,
        "p": None if tested is None else tested.p,
        "q": None if tested is None else tested.q,
        "sharpe": None if standing is None else standing.sharpe,
        "sharpe_shrunk": None if standing is None else standing.sharpe_shrunk,
        "sharpe_low": None if place is None else place.sharpe_low,
        "win_rate": None if standing is None else standing.win_rate,
        "win_rate_low": None if standing is None else standing.win_rate_low,
        "score": None if standing is None else standing.score,
        "score_low": None if place is None else place.score_low,
    }
