"""The people of a generated season: a few with skill, many without, and some who only look good."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from remora.domain.ids import WalletAddress
from remora.venues.twin.scenario.identifiers import pseudonym, wallet_address
from remora.venues.twin.scenario.model import WalletTruth


class Habit(StrEnum):
    """How a wallet trades."""

    SKILLED = "sees part of the news before the price does and holds for it"
    CROWD = "buys and sells at random around the market price"
    GAMBLER = "bets large at random: much turnover, no edge"
    MAKER = "trades both sides of every market"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """One wallet: `stake_usd` is its typical purchase, `diligence` the share of events it looks at.

    `gap_min` is the least difference between belief and price that a skilled wallet acts on.
    """

    wallet: WalletAddress
    name: str
    habit: Habit
    stake_usd: float
    diligence: float
    gap_min: float = 1.0

    def truth(self) -> WalletTruth:
        """Return the ground truth for reports."""
        return WalletTruth(
            wallet=self.wallet,
            skilled=self.habit is Habit.SKILLED,
            skill=self.habit.value,
            name=self.name,
        )


SKILLED = 6
GAMBLERS = 8
MAKERS = 4
CROWD = 182


def population(seed: int, *, skilled: bool = True) -> list[Trader]:
    """Return the season's wallets, the same for the same seed; without skill, the gifted join the crowd."""
    habit = Habit.SKILLED if skilled else Habit.CROWD
    rng = np.random.default_rng([seed, 1])
    traders = [
        *(_trader(seed, "skilled", i, habit, 2500 * (i + 2) / 3, 0.9, rng) for i in range(SKILLED)),
        *(_trader(seed, "gambler", i, Habit.GAMBLER, 9000, 0.35, rng) for i in range(GAMBLERS)),
        *(_trader(seed, "maker", i, Habit.MAKER, 1200, 0.9, rng) for i in range(MAKERS)),
        *(_trader(seed, "crowd", i, Habit.CROWD, 400, 0.5, rng) for i in range(CROWD)),
    ]
    order = rng.permutation(len(traders))
    return [traders[index] for index in order]


def _trader(
    seed: int, role: str, index: int, habit: Habit, stake_usd: float, diligence: float, rng: np.random.Generator
) -> Trader:
    wallet = wallet_address("season", seed, role, index)
    return Trader(
        wallet=wallet,
        name=pseudonym(wallet),
        habit=habit,
        stake_usd=stake_usd * float(rng.lognormal(0.0, 0.3)),
        diligence=min(1.0, diligence * float(rng.uniform(0.85, 1.1))),
        gap_min=float(rng.uniform(0.05, 0.07)) if habit is Habit.SKILLED else 1.0,
    )
