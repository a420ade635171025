"""A wallet's record as a copier would have lived it: returns by event, edges by market, habits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

import numpy as np

from remora.statistics.arrays import Floats
from remora.statistics.campaigns import Campaign
from remora.statistics.scoring_params import ScoringParams

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """Everything about one wallet that does not depend on the others.

    `returns` holds one number for each closed event, capped; `daily` their sums by day from the first trade on.
    `edge` is dollars per share over cost, `edge_variance` clustered by event. `pair_share` is the part of its
    shares that were merged or split, `maker_share` the part of its trades in markets where it went to and fro.
    """

    wallet: str
    trades: int
    complete: bool
    closed_events: int
    open_events: int
    wins: int
    returns: Floats
    daily: Floats
    pnl: float
    profit_factor: float | None
    gain_concentration: float
    two_sided: float
    pair_share: float
    maker_share: float
    median_holding_s: float
    edge: float
    edge_variance: float

    @property
    def rarer_outcome(self) -> int:
        """The smaller of the numbers of won and lost events."""
        return min(self.wins, self.closed_events - self.wins)


@dataclass(slots=True)
class _Tally:
    campaigns: list[Campaign] = field(default_factory=list)
    by_event: dict[str, list[Campaign]] = field(default_factory=dict)


def track_records(
    campaigns: Iterable[Campaign], *, as_of: datetime, params: ScoringParams
) -> dict[str, TrackRecord]:
    """Return the record of each wallet, by wallet."""
    tallies: dict[str, _Tally] = {}
    for campaign in campaigns:
        if campaign.trades:
            tally = tallies.setdefault(campaign.wallet, _Tally())
            tally.campaigns.append(campaign)
            tally.by_event.setdefault(campaign.event, []).append(campaign)
    return {wallet: _record(wallet, tally, as_of.timestamp(), params) for wallet, tally in sorted(tallies.items())}


def _record(wallet: str, tally: _Tally, as_of: float, params: ScoringParams) -> TrackRecord:
    closed = {
        event: members
        for event, members in tally.by_event.items()
        if all(member.closed_at is not None for member in members)
    }
    profits = np.array([sum(c.value - c.cost for c in members) for members in closed.values()])
    stakes = np.array([sum(c.stake for c in members) for members in closed.values()])
    returns = np.minimum(
        np.divide(profits, stakes, out=np.zeros_like(profits), where=stakes > 0), params.event_return_max
    )
    moments = np.array([max(c.closed_at or 0.0 for c in members) for members in closed.values()])
    gains = returns[returns > 0]
    losses = float(-profits[profits < 0].sum())
    edge, variance = _edge(closed)
    purchased = np.array([campaign.purchased for campaign in tally.campaigns])
    holdings = [duration for campaign in tally.campaigns for duration in campaign.durations]
    return TrackRecord(
        wallet=wallet,
        trades=sum(campaign.trades for campaign in tally.campaigns),
        complete=all(campaign.complete for campaign in tally.campaigns),
        closed_events=len(closed),
        open_events=len(tally.by_event) - len(closed),
        wins=int((profits > 0).sum()),
        returns=returns,
        daily=_daily(returns, moments, min(c.opened_at for c in tally.campaigns), as_of),
        pnl=float(profits.sum()),
        profit_factor=None if losses == 0 else float(profits[profits > 0].sum()) / losses,
        gain_concentration=1.0 if gains.size == 0 else float(gains.max() / gains.sum()),
        pair_share=_share([c.paired for c in tally.campaigns], [c.paired + c.traded for c in tally.campaigns]),
        maker_share=_share(
            [c.trades for c in tally.campaigns if _to_and_fro(c, params)], [c.trades for c in tally.campaigns]
        ),
        two_sided=2.0 * float(purchased.min(1).sum()) / max(float(purchased.sum()), 1e-12),
        median_holding_s=median(holdings) if holdings else 0.0,
        edge=edge,
        edge_variance=variance,
    )


def no_record(wallet: str) -> TrackRecord:
    """Return the record of a wallet of which nothing can be used."""
    none = np.zeros(0)
    return TrackRecord(
        wallet=wallet,
        trades=0,
        complete=True,
        closed_events=0,
        open_events=0,
        wins=0,
        returns=none,
        daily=none,
        pnl=0.0,
        profit_factor=None,
        gain_concentration=1.0,
        two_sided=0.0,
        pair_share=0.0,
        maker_share=0.0,
        median_holding_s=0.0,
        edge=0.0,
        edge_variance=np.inf,
    )


def without_series(record: TrackRecord) -> TrackRecord:
    """Return the record without its returns by event and by day."""
    none = np.zeros(0)
    return replace(record, returns=none, daily=none)


def _to_and_fro(campaign: Campaign, params: ScoringParams) -> bool:
    return (
        campaign.trades >= params.maker_trades_min and campaign.turns >= params.maker_turns_min * campaign.trades
    )


def _share(part: Sequence[float], whole: Sequence[float]) -> float:
    return float(sum(part)) / max(float(sum(whole)), 1e-12)


def _daily(returns: Floats, moments: Floats, first: float, as_of: float) -> Floats:
    """Return the sum of returns by UTC day, from the day of the first trade to that of `as_of`."""
    origin = int(first // DAY)
    days = (moments // DAY).astype(np.int64) - origin
    series: Floats = np.bincount(days, weights=returns, minlength=int(as_of // DAY) - origin + 1).astype(
        np.float64
    )
    return series


def _quantile(values: Floats, share: float) -> float:
    """Return what ``np.quantile`` does: for a few values at a time, most of its time goes into its options."""
    ordered = np.sort(values)
    place = share * (ordered.size - 1)
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    part = place - below
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1.0 - part)


def _edge(closed: dict[str, list[Campaign]]) -> tuple[float, float]:
    """Return the weighted mean edge per share and its variance, positions of one event counting as one.

    Weights are shares, capped at their 95th percentile. The variance is the larger of the observed one and, for
    what was held to resolution, the one that fair prices imply: a favourite that has not lost yet has shown no
    variance, but has one.
    """
    if len(closed) < 2:
        return 0.0, np.inf
    index = np.concatenate([np.full(len(members), place) for place, members in enumerate(closed.values())])
    members = [campaign for group in closed.values() for campaign in group]
    bought = np.array([max(campaign.bought, 1e-12) for campaign in members])
    cost = np.array([campaign.cost for campaign in members]) / bought
    value = np.array([campaign.value for campaign in members]) / bought
    held = np.array([campaign.held for campaign in members]) / bought
    weight = np.minimum(bought, _quantile(bought, 0.95))
    edge = float(weight @ (value - cost) / weight.sum())
    count = len(closed)
    errors = np.bincount(index, weights=weight * (value - cost - edge), minlength=count)
    observed = float(errors @ errors) * count / (count - 1)
    clipped = np.clip(cost, 0.0, 1.0)
    implied = np.bincount(index, weights=weight * held * np.sqrt(clipped * (1 - clipped)), minlength=count)
    return edge, max(observed, float(implied @ implied)) / float(weight.sum()) ** 2
