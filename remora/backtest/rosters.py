"""Who is followed when: wallets that a person named, or what walk-forward selection knew at each date."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

from remora.backtest.history import instant
from remora.domain.chance import UNJUDGED, Learned
from remora.domain.decide import RosterStatus, WhaleStanding
from remora.domain.money import ZERO

REPUBLISHED_EVERY_S = 6 * 3600.0
"""A roster is published on schedule even when its evidence is not scored anew; then it is not stale."""


@dataclass(frozen=True, slots=True)
class NamedRoster:
    """Wallets followed by name: unproven, at the fixed stake, whatever their record."""

    wallets: frozenset[str]

    def standing(self, whale: str, at: float) -> WhaleStanding:
        """Return the standing of a wallet at any instant."""
        return standing_of(at // REPUBLISHED_EVERY_S, on_roster=whale in self.wallets, unproven=True, edge=ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A roster in force from `at` on: the posterior edge of each wallet, dollars per share.

    `learned` is the model that names chances instead, or why none does.
    """

    at: float
    edges: Mapping[str, Decimal]
    funnel: Mapping[str, int] = field(default_factory=dict)
    notice: str = ""
    learned: Learned = UNJUDGED


@dataclass(frozen=True, slots=True)
class WalkForwardRoster:
    """Editions in order of time; before the first nobody is followed."""

    editions: Sequence[Edition]

    def standing(self, whale: str, at: float) -> WhaleStanding:
        """Return what the edition in force at `at` says about a wallet."""
        place = bisect_right(self.editions, at, key=lambda edition: edition.at) - 1
        edge = None if place < 0 else self.editions[place].edges.get(whale)
        found = standing_of(
            at // REPUBLISHED_EVERY_S,
            on_roster=edge is not None,
            unproven=False,
            edge=ZERO if edge is None else edge,
        )
        return found if edge is None else replace(found, learned=self.editions[place].learned)

    @property
    def wallets(self) -> Collection[str]:
        """Return everybody who was ever followed."""
        return frozenset(wallet for edition in self.editions for wallet in edition.edges)


@lru_cache(maxsize=4096)
def standing_of(issue: float, *, on_roster: bool, unproven: bool, edge: Decimal) -> WhaleStanding:
    """Return a standing as the roster of an `issue` tells it."""
    return WhaleStanding(
        on_roster=on_roster,
        unproven=unproven,
        edge=edge,
        status=RosterStatus.ACTIVE,
        published_at=instant(issue * REPUBLISHED_EVERY_S),
    )
