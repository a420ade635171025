"""One wallet's whole evidence: events, edges by kind of bet, luck, later prices, and why it is in or out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from remora.research.discovery import Discovery, ranking
from remora.research.store import ResearchStore
from remora.statistics.arrays import Floats
from remora.statistics.bootstrap import block_size
from remora.statistics.campaigns import Campaign, campaigns
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.scoring_table import known_payouts, trade_table
from remora.statistics.sharpe import sharpe_interval
from remora.statistics.skill import clustered_mean, mark_outs, poisson_binomial_tail

MARKS: Final = {"5 min": timedelta(minutes=5), "1 h": timedelta(hours=1), "1 d": timedelta(days=1)}
BANDS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """One event: dollars at a copier's prices; `outcome` is won, lost or open."""

    event: str
    question: str
    opened_at: datetime
    closed_at: datetime | None
    stake_usd: float
    pnl_usd: float | None
    event_return: float | None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLine:
    """Purchases of one kind that were resolved: mean payout less a copier's cost, dollars per share."""

    by: str
    kind: str
    purchases: int
    events: int
    edge: float
    error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that was known about one wallet.

    `luck` is the chance of as many winning purchases at these prices without any skill, one purchase for each
    event; `sharpe_interval` is annual, at the confidence of the parameters, two-sided.
    """

    wallet: str
    standing: Mapping[str, Any]
    habits: Mapping[str, float]
    events: tuple[EventLine, ...]
    edges: tuple[EdgeLine, ...]
    mark_outs: Mapping[str, Mapping[str, float] | None]
    luck: float | None
    sharpe_interval: tuple[float, float] | None
    params: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "params": dict(self.params)}


class WalletUnknown(LookupError):
    """The store had not seen this wallet by then."""


def explain(store: ResearchStore, discovery: Discovery, wallet: str, *, rng: np.random.Generator) -> Explanation:
    """Return a wallet's evidence beside everybody's; raise WalletUnknown."""
    name = wallet.lower()
    result = discovery.result
    if name not in result.evidence:
        raise WalletUnknown(f"expected a wallet seen by {result.as_of.isoformat()}, found none like {wallet}")
    trades = discovery.evidence.trades
    own = trades[trades["wallet"] == name]
    payouts = known_payouts(discovery.evidence.resolutions, as_of=result.as_of)
    table = trade_table(own, as_of=result.as_of, fee_rate=result.params.fee_rate)
    found = list(campaigns(table, payouts, result.params))
    purchases = _purchases(store, name, result.as_of, payouts, result.params)
    record = result.evidence[name].record
    return Explanation(
        wallet=name,
        standing=next(row for row in ranking(discovery) if row["wallet"] == name),
        habits={
            "two_sided": record.two_sided,
            "pair_share": record.pair_share,
            "maker_share": record.maker_share,
            "gain_concentration": record.gain_concentration,
            "median_holding_s": record.median_holding_s,
        },
        events=_events(found, store.questions({c.market for c in found}), result.params),
        edges=_edges(purchases),
        mark_outs={
            label: _marks(store, name, result.as_of, after, result.params) for label, after in MARKS.items()
        },
        luck=_luck(purchases),
        sharpe_interval=_interval(record.daily, result.params, rng),
        params=result.params.recorded(),
    )


def _events(found: list[Campaign], questions: Mapping[str, str], params: ScoringParams) -> tuple[EventLine, ...]:
    by_event: dict[str, list[Campaign]] = {}
    for campaign in found:
        if campaign.trades:
            by_event.setdefault(campaign.event, []).append(campaign)
    lines = [_event(event, members, questions, params) for event, members in by_event.items()]
    return tuple(sorted(lines, key=lambda line: line.opened_at))


def _event(event: str, members: list[Campaign], questions: Mapping[str, str], params: ScoringParams) -> EventLine:
    stake = sum(member.stake for member in members)
    closed = all(member.closed_at is not None for member in members)
    profit = sum(member.value - member.cost for member in members)
    known = [questions[member.market] for member in members if member.market in questions]
    ended = max((member.closed_at or 0.0) for member in members)
    return EventLine(
        event=event,
        question=(known[0] if known else "") + (f" and {len(members) - 1} more" if len(members) > 1 else ""),
        opened_at=datetime.fromtimestamp(min(member.opened_at for member in members), tz=UTC),
        closed_at=datetime.fromtimestamp(ended, tz=UTC) if closed else None,
        stake_usd=stake,
        pnl_usd=profit if closed else None,
        event_return=min(profit / stake, params.event_return_max) if closed and stake > 0 else None,
        outcome="open" if not closed else "won" if profit > 0 else "lost",
    )


def _purchases(
    store: ResearchStore,
    wallet: str,
    as_of: datetime,
    payouts: Mapping[str, tuple[float, float, float]],
    params: ScoringParams,
) -> pd.DataFrame:
    """Return the wallet's purchases in resolved markets, with cost and payout."""
    found = store.later_prices(as_of=as_of, wallet=wallet, after=timedelta(0))
    bought = found[(found["side"] == "BUY") & found["condition_id"].isin(payouts)]
    cost = _copied_cost(bought, params)
    paid = [
        payouts[market][int(outcome)]
        for market, outcome in zip(bought["condition_id"], bought["outcome_index"], strict=True)
    ]
    return bought.assign(cost=cost, paid=np.array(paid, dtype=float))


def _copied_cost(bought: pd.DataFrame, params: ScoringParams) -> Floats:
    """Return what a copier pays for a share of each purchase: the market's own fee where it is known."""
    rate = pd.to_numeric(bought["fee_rate"], errors="coerce").fillna(params.fee_rate)
    return params.buying(bought["price"].to_numpy(np.float64), rate.to_numpy(np.float64))


def _edges(purchases: pd.DataFrame) -> tuple[EdgeLine, ...]:
    if purchases.empty:
        return ()
    left = purchases["before_end_s"]
    kinds = {
        "category": purchases["category"].where(purchases["category"] != "", "unknown"),
        "price": pd.cut(purchases["price"], BANDS).astype(str),
        "time to the end": pd.Series(
            np.select(
                [left.isna(), left < DAY_S, left < 7 * DAY_S], ["unknown", "under 1 d", "1 d to 7 d"], "over 7 d"
            ),
            index=purchases.index,
        ),
        "side": purchases["outcome_index"].map({0: "first outcome", 1: "second outcome"}),
    }
    lines = []
    for by, labels in kinds.items():
        for kind, members in purchases.groupby(labels):
            edge, error = clustered_mean(
                members["paid"] - members["cost"], np.ones(len(members)), members["event_id"].to_numpy()
            )
            lines.append(
                EdgeLine(
                    by=by,
                    kind=str(kind),
                    purchases=len(members),
                    events=int(members["event_id"].nunique()),
                    edge=edge,
                    error=error if np.isfinite(error) else None,
                )
            )
    return tuple(lines)


def _luck(purchases: pd.DataFrame) -> float | None:
    """Return the exact chance of as many wins, taking the first purchase of each event and whole payouts only."""
    whole = purchases[purchases["paid"].isin([0.0, 1.0])].drop_duplicates("event_id")
    if whole.empty:
        return None
    return poisson_binomial_tail(int(whole["paid"].sum()), whole["price"])


def _marks(
    store: ResearchStore, wallet: str, as_of: datetime, after: timedelta, params: ScoringParams
) -> Mapping[str, float] | None:
    found = store.later_prices(as_of=as_of, wallet=wallet, after=after)
    bought = found[found["side"] == "BUY"]
    cost = _copied_cost(bought, params)
    marks = mark_outs(cost, bought["later"].to_numpy(np.float64), bought["event_id"].to_numpy())
    if marks is None:
        return None
    return {"mean": marks[0], "error": marks[1] if np.isfinite(marks[1]) else float("nan"), "purchases": marks[2]}


def _interval(
    daily: "np.ndarray[tuple[int], np.dtype[np.float64]]", params: ScoringParams, rng: np.random.Generator
) -> tuple[float, float] | None:
    try:
        low, high = sharpe_interval(
            daily, level=params.confidence, resamples=params.resamples, block=block_size(daily.size), rng=rng
        )
    except ValueError:  # too few days, or days that do not vary: there is no ratio to bound
        return None
    annual = float(np.sqrt(params.days_per_year))
    return low * annual, high * annual
