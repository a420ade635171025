"""Choosing whom to follow by what was known at an instant, and publishing it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.chance import Learned
from remora.domain.ids import WalletAddress
from remora.domain.money import MICRO, ZERO
from remora.research.learning import learn, purchases_table
from remora.settings import Settings
from remora.statistics.scoring import ScoringResult, score_wallets
from remora.statistics.scoring_params import RankBy, ScoringParams
from remora.statistics.scoring_table import known_payouts
from remora.statistics.seats import SeatRules
from remora.storage.roster import Follow, publish_roster

LEARNT_FROM = ("at", "wallet", "condition_id", "outcome_index", "event_id", "category", "side", "price", "size")
BY_NAME = Learned("not used because wallets followed by name take a fixed stake")
FOLLOWED_MAX = 10
"""Wallets taken from the top of the roster, or by turnover when nobody qualifies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was public before `as_of`: everybody's trades and the results known by then."""

    as_of: datetime
    trades: Sequence[Mapping[str, object]]
    resolutions: Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whom to follow, by which way they were found, and how many wallets fell at which gate."""

    follows: tuple[Follow, ...]
    source: str
    funnel: Mapping[str, int] = field(default_factory=dict)
    learned: Learned = BY_NAME

    @property
    def proven(self) -> int:
        """How many of them qualified."""
        return sum(not follow.unproven for follow in self.follows)


def scoring_params(settings: Settings) -> ScoringParams:
    """Return the roster's policy as the settings bound it."""
    return ScoringParams(
        win_rate_min=settings.min_whale_win_rate,
        sharpe_min=settings.min_whale_sharpe,
        score_min=settings.whale_score_threshold,
        fee_rate=settings.unknown_fee_rate,
        rank_by=RankBy(settings.rank_by),
        event_return_max=settings.event_return_max,
        half_life_days=settings.half_life_days,
        confidence=settings.score_confidence,
        gain_concentration_max=settings.gain_concentration_max,
        tested_events_min=settings.tested_events_min,
    )


def seat_rules(settings: Settings) -> SeatRules:
    """Return when a seat is kept and lost, as the settings say; probation guards real money and is fixed.

    Nobody enters below the bar of those who sit: it is never higher than the bar at the gates.
    """
    gates = scoring_params(settings)
    return SeatRules(
        keep_score=min(settings.keep_score, gates.score_min),
        keep_win_rate=min(settings.keep_win_rate, gates.win_rate_min),
        keep_false_discovery_rate=max(settings.keep_false_discovery_rate, gates.false_discovery_rate),
    )


def named(wallets: Sequence[WalletAddress]) -> Choice:
    """Follow wallets that a person named: unproven, whatever their record."""
    follows = tuple(Follow(whale=wallet, edge=ZERO, unproven=True) for wallet in dict.fromkeys(wallets))
    return Choice(follows=follows, source="named")


def choose(history: History, params: ScoringParams, *, rng: np.random.Generator) -> Choice:
    """Follow who qualifies; if nobody does, the largest by turnover, unproven and at the fixed stake."""
    if not history.trades:
        return Choice(follows=(), source="no history")
    result = score_wallets(history.trades, history.resolutions, as_of=history.as_of, params=params, rng=rng)
    if result.roster:
        follows = _best(result)
        learned = _learned(history, {follow.whale for follow in follows})
        return Choice(follows=follows, source="roster", funnel=result.funnel, learned=learned)
    largest = tuple(
        Follow(whale=wallet, edge=ZERO, unproven=True) for wallet in largest_by_turnover(history.trades)
    )
    return Choice(follows=largest, source="turnover", funnel=result.funnel)


def largest_by_turnover(
    trades: Sequence[Mapping[str, object]], count: int = FOLLOWED_MAX
) -> tuple[WalletAddress, ...]:
    """Return the wallets that traded most dollars, the largest first."""
    table = pd.DataFrame(trades, columns=["wallet", "price", "size"])
    dollars = table["price"].astype(float) * table["size"].astype(float)
    turnover = dollars.groupby(table["wallet"]).sum().sort_values(ascending=False, kind="stable")
    return tuple(WalletAddress(str(wallet)) for wallet in turnover.index[:count])


async def choose_and_publish(
    engine: AsyncEngine,
    history: History,
    params: ScoringParams,
    *,
    follow: Sequence[WalletAddress],
    rng: np.random.Generator,
    published_at: datetime,
) -> Choice:
    """Choose (the wallets in `follow` if there are any, else by the roster's rules), publish, return."""
    choice = named(follow) if follow else await asyncio.to_thread(choose, history, params, rng=rng)
    recorded: dict[str, Any] = {**params.recorded(), "source": choice.source, "funnel": dict(choice.funnel)}
    recorded["learned"] = choice.learned.recorded()
    await publish_roster(engine, choice.follows, as_of=history.as_of, published_at=published_at, params=recorded)
    return choice


def _learned(history: History, whales: Collection[str]) -> Learned:
    """Return what everybody's purchases with known results teach of single purchases; no ends are public here."""
    payouts = known_payouts(history.resolutions, as_of=history.as_of)
    trades = pd.DataFrame(history.trades).reindex(columns=LEARNT_FROM)
    trades = trades.assign(at=pd.to_datetime(trades["at"], utc=True, format="ISO8601"))
    numbers = {name: pd.to_numeric(trades[name]) for name in ("price", "size", "outcome_index")}
    return learn(purchases_table(trades.assign(**numbers), payouts, {})).learned(whales)


def _best(result: ScoringResult) -> tuple[Follow, ...]:
    return tuple(
        Follow(
            whale=WalletAddress(place.wallet),
            edge=Decimal(place.edge).quantize(MICRO),
            unproven=False,
            score=Decimal(place.score).quantize(MICRO),
        )
        for place in result.roster[:FOLLOWED_MAX]
    )
