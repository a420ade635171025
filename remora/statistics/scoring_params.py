"""Every number that decides who is followed, with its default, and the names of the gates."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import numpy as np

from remora.statistics.arrays import Floats

FEE_RATE_UNKNOWN: Final = 0.04
"""Taker rate of a market whose own is not known: what most categories pay. No fee at all would flatter."""


class Gate(StrEnum):
    """Gates in the order in which wallets meet them; a wallet leaves at the first it fails."""

    HISTORY = "history_incomplete"
    SAMPLE = "sample_too_small"
    COPYABLE = "not_copyable"
    WIN_RATE = "win_rate"
    SHARPE = "sharpe"
    SCORE = "score"
    FALSE_DISCOVERY = "false_discovery"


def in_order(funnel: Mapping[str, int]) -> dict[str, int]:
    """Return wallets by gate in the order in which wallets meet the gates, the roster last."""
    return {name: int(funnel[name]) for name in (*(gate.value for gate in Gate), "roster") if name in funnel}


class Screen(StrEnum):
    """Why a wallet cannot be copied, whatever its results."""

    MARKET_MAKER = "market_maker"
    TWO_SIDED = "two_sided"
    PAIR_ARBITRAGE = "pair_arbitrage"
    TOO_FAST = "too_fast"
    ONE_EVENT = "one_event"


class RankBy(StrEnum):
    """What orders the roster."""

    SCORE_LOW = "score_low"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringParams:
    """Policy of the roster. Prices in dollars per share; rates and shares are fractions."""

    # the copier's price
    half_spread: float = 0.005
    fee_rate: float = FEE_RATE_UNKNOWN
    """Taker rate of markets whose own rate is not known."""
    fee_exponent: int = 1
    latency: timedelta = timedelta(seconds=5)
    stake_usd: float = 100.0
    depth_usd: float = 2_000.0
    """Money that rests within one more half spread: a stake as large as this pays one half spread more."""

    # events and their series
    event_return_max: float = 3.0
    half_life_days: float = 90.0
    days_per_year: float = 365.0

    # gates
    closed_events_min: int = 30
    rarer_outcome_min: int = 20
    two_sided_max: float = 0.30
    pair_share_max: float = 0.30
    maker_trades_min: int = 20
    maker_turns_min: float = 0.25
    maker_share_max: float = 0.50
    holding_to_latency_min: float = 60.0
    gain_concentration_max: float = 0.30
    win_rate_min: float = 0.65
    sharpe_min: float = 1.0
    score_min: float = 70.0
    false_discovery_rate: float = 0.2
    tested_events_min: int = 10

    # the score
    sharpe_weight: float = 0.7
    win_rate_weight: float = 0.3
    population_min: int = 10
    confidence: float = 0.95
    resamples: int = 1999
    rank_by: RankBy = RankBy.SCORE_LOW

    def __post_init__(self) -> None:
        if self.population_min < 4:
            raise ValueError(f"population_min must be at least 4, was {self.population_min}")
        positive = ("event_return_max", "half_life_days", "days_per_year", "resamples")
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, was {getattr(self, name)}")
        for name in ("confidence", "false_discovery_rate"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in (0, 1), was {getattr(self, name)}")
        if not self.stake_usd >= 0 or not self.depth_usd > 0:
            raise ValueError(f"stake_usd must not be negative and depth_usd above 0, were {self}")
        if not 0 <= self.half_spread < 0.5 or not 0 <= self.fee_rate < 1:
            raise ValueError(f"half_spread must lie in [0, 0.5) and fee_rate in [0, 1), were {self}")

    @property
    def impact(self) -> float:
        """Dollars per share that a copier's own order moves the price."""
        return self.half_spread * self.stake_usd / self.depth_usd

    def buying(self, price: Floats, fee_rate: Floats) -> Floats:
        """Return what a copier pays for a share that the wallet bought at `price`, fee included."""
        quoted = np.minimum(price + self.half_spread + self.impact, 0.999)
        cost: Floats = quoted + fee_rate * (quoted * (1 - quoted)) ** self.fee_exponent
        return cost

    def selling(self, price: Floats, fee_rate: Floats) -> Floats:
        """Return what a copier gets for a share that the wallet sold at `price`, fee taken off."""
        quoted = np.maximum(price - self.half_spread - self.impact, 0.001)
        proceeds: Floats = quoted - fee_rate * (quoted * (1 - quoted)) ** self.fee_exponent
        return proceeds

    def recorded(self) -> Mapping[str, Any]:
        """Return the parameters as plain JSON values, to be kept with every score."""
        values = asdict(self)
        return values | {"latency": self.latency.total_seconds(), "rank_by": self.rank_by.value}

    @classmethod
    def from_recorded(cls, recorded: Mapping[str, Any]) -> "ScoringParams":
        """Return the parameters that :meth:`recorded` gave; names that are none of ours are left out."""
        values = {name: value for name, value in recorded.items() if name in cls.__dataclass_fields__}
        latency = timedelta(seconds=values.pop("latency", 5.0))
        rank_by = RankBy(values.pop("rank_by", RankBy.SCORE_LOW))
        return cls(**values, latency=latency, rank_by=rank_by)
