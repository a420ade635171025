"""What became of wallets after they were chosen: their later purchases at a copier's price."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from scipy.stats import t as student

from remora.research.discovery import Discovery
from remora.research.store import Evidence, ResearchStore
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.scoring_table import known_payouts, trade_table

TOP = 20
"""Wallets that a ranking is judged by."""

RAW_EVENTS_MIN = 3
"""Closed events that put a wallet on a board of unshrunk measures, as such boards have it: very few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterEdge:
    """Mean of payout less a copier's cost, dollars per share, over the wallets' purchases after the date.

    Every wallet and market counts once, markets of one event as one observation; `low` and `high` bound the mean
    with 95 % confidence, None with fewer than two events.
    """

    group: str
    wallets: int
    active: int
    positions: int
    events: int
    edge: float | None
    low: float | None
    high: float | None


def out_of_sample(
    store: ResearchStore, discovery: Discovery, *, until: datetime, rng: np.random.Generator
) -> tuple[list[LaterEdge], Mapping[str, int]]:
    """Return later edges of the chosen, of the tops of rankings by what was known, and of random wallets.

    Purchases count that were made after the date in events of which the store saw no trade before it (a bet that
    straddles the date would be counted on both sides) and that were resolved by `until`. The second value counts
    purchases by what became of them.
    """
    params = discovery.result.params
    later = store.evidence(as_of=until, latency=params.latency)
    positions, fates = later_positions(discovery.evidence, later, params)
    groups = {"selected": [place.wallet for place in discovery.result.roster]}
    groups |= {f"top {TOP} by {name}": wallets for name, wallets in raw_tops(discovery).items()}
    everybody = list(discovery.evidence.wallets)
    drawn = rng.permutation(len(everybody))[:TOP]
    groups[f"random {TOP}"] = [everybody[number] for number in drawn]
    groups["everybody seen before"] = everybody
    return [later_edge(name, wallets, positions) for name, wallets in groups.items()], fates


def raw_tops(discovery: Discovery) -> dict[str, list[str]]:
    """Return the best wallets by unshrunk measures, as a board would, and by the posterior edge of the tested."""
    examined = discovery.result.evidence
    raw = {w: found for w, found in examined.items() if found.record.closed_events >= RAW_EVENTS_MIN}

    def best(values: Mapping[str, float]) -> list[str]:
        return sorted(values, key=lambda wallet: (-values[wallet], wallet))[:TOP]

    return {
        "raw mean edge": best({wallet: found.record.edge for wallet, found in raw.items()}),
        "posterior edge": best({w: f.tested.edge for w, f in examined.items() if f.tested is not None}),
        "profit": best({wallet: found.record.pnl for wallet, found in raw.items()}),
        "win rate": best({w: found.record.wins / found.record.closed_events for w, found in raw.items()}),
        "Sharpe ratio": best({wallet: _sharpe(found.record.daily) for wallet, found in raw.items()}),
    }


def _sharpe(daily: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    deviation = float(daily.std()) if daily.size else 0.0
    return float(daily.mean()) / deviation if deviation > 0 else 0.0


def later_positions(
    before: Evidence, later: Evidence, params: ScoringParams
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return one row for each wallet, market and outcome bought after the date: event, cost, payout, shares."""
    fresh = later.trades[(later.trades["at"] > before.as_of) & (later.trades["side"] == "BUY")]
    straddling = set(before.trades["event_id"])
    clean = fresh[~fresh["event_id"].isin(straddling)]
    table = trade_table(clean, as_of=later.as_of, fee_rate=params.fee_rate)
    payouts = known_payouts(later.resolutions, as_of=later.as_of)
    bought = pd.DataFrame(
        {
            "wallet": table.wallet,
            "market": table.market,
            "event": table.event,
            "outcome": table.outcome,
            "shares": table.size,
            "cost": table.size * params.buying(np.maximum(table.price, table.later), table.fee_rate),
        }
    )
    summed = bought.groupby(["wallet", "market", "event", "outcome"], as_index=False)[["shares", "cost"]].sum()
    settled = summed[summed["market"].isin(payouts)]
    paid = [
        payouts[market][outcome] for market, outcome in zip(settled["market"], settled["outcome"], strict=True)
    ]
    positions = settled.assign(edge=np.array(paid, dtype=float) - settled["cost"] / settled["shares"])
    return positions, {
        "purchases_after_the_date": len(fresh),
        "left_out_event_straddles_the_date": len(fresh) - len(clean),
        "positions": len(summed),
        "positions_not_resolved_yet": len(summed) - len(settled),
    }


def later_edge(group: str, wallets: Collection[str], positions: pd.DataFrame) -> LaterEdge:
    """Return one group's later edge; see :class:`LaterEdge`."""
    theirs = positions[positions["wallet"].isin(set(wallets))]
    low = high = edge = None
    events = int(theirs["event"].nunique())
    if len(theirs):
        edge = float(theirs["edge"].mean())
    if events >= 2 and edge is not None:
        sums = (theirs["edge"] - edge).groupby(theirs["event"]).sum().to_numpy()
        error = float(np.sqrt(sums @ sums * events / (events - 1))) / len(theirs)
        half = float(student.ppf(0.975, events - 1)) * error
        low, high = edge - half, edge + half
    return LaterEdge(
        group=group,
        wallets=len(wallets),
        active=int(theirs["wallet"].nunique()),
        positions=len(theirs),
        events=events,
        edge=edge,
        low=low,
        high=high,
    )
