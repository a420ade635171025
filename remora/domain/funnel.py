"""Where signals fell: how many each check stopped, in the order in which they are asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from remora.domain.reasons import SkipReason

ALARMING: Final = 0.95
"""A check that stops more than this share of what reaches it is more likely misconfigured than right."""

ENOUGH: Final = 20
"""Fewer signals than this say nothing about a check."""

_ASKED: Final = (
    *(
        "malformed",
        "unknown_token",
        "not_binary",
        "not_held",
        "not_a_purchase",
        "cancelled",
        "duplicate",
        "orphaned",
    ),
    *("not_on_roster", "roster_stale", "demoted", "probation", "stale", "future_dated", "price_out_of_range"),
    *("size_out_of_range", "desk_paused", "desk_halted", "daily_loss", "opposite_held", "order_rate"),
    *("market_closed", "market_class", "volume", "time_to_resolution", "no_book", "spread", "drift", "no_edge"),
    *("whale_share", "position_limit", "market_limit", "event_limit", "cash", "depth", "below_minimum"),
    *("deadline", "order_rejected"),
)
ORDER: Final = (*map(SkipReason, _ASKED), *(reason for reason in SkipReason if reason.value not in _ASKED))
"""The checks in the order in which a signal meets them."""

SETTINGS: Final[Mapping[SkipReason, str]] = {
    SkipReason.NOT_ON_ROSTER: "is the roster published, and are its whales the ones you see?",
    SkipReason.ROSTER_STALE: "run remora rescore, or see REMORA_ROSTER_AGE_MAX_H",
    SkipReason.STALE: "signals arrive late: see remora status and REMORA_SIGNAL_AGE_MAX_S",
    SkipReason.FUTURE_DATED: "this machine's clock may be wrong: see remora doctor",
    SkipReason.DESK_PAUSED: "remora resume allows entries",
    SkipReason.DESK_HALTED: "remora status says why; remora reset allows entries",
    SkipReason.DAILY_LOSS: "see MAX_DAILY_LOSS and REMORA_DAILY_LOSS_SHARE",
    SkipReason.ORDER_RATE: "see REMORA_ENTRY_ORDERS_PER_MINUTE",
    SkipReason.WHALE_SHARE: "see REMORA_WHALE_SHARE",
    SkipReason.POSITION_LIMIT: "see MAX_POSITION_SIZE and REMORA_POSITION_SHARE",
    SkipReason.MARKET_LIMIT: "see REMORA_MARKET_SHARE",
    SkipReason.EVENT_LIMIT: "see REMORA_EVENT_SHARE",
    SkipReason.VOLUME: "see REMORA_VOLUME_24H_MIN_USD",
    SkipReason.SPREAD: "see REMORA_SPREAD_MAX",
    SkipReason.DRIFT: "prices run away before we buy: see REMORA_DRIFT_MIN_USD and REMORA_DRIFT_TICKS",
    SkipReason.TIME_TO_RESOLUTION: "see REMORA_TIME_TO_RESOLUTION_MIN_H",
    SkipReason.MARKET_CLASS: "see REMORA_MARKET_CLASSES",
    SkipReason.CASH: "no free cash: see remora top",
    SkipReason.BELOW_MINIMUM: "stakes are below the venue's minimum: see REMORA_UNPROVEN_SHARE and KELLY_FRACTION",
    SkipReason.NO_EDGE: "the whales' edge does not pay the costs",
}
"""Where to look when a check stops nearly everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One check: how many signals reached it and how many it stopped."""

    reason: SkipReason
    reached: int
    stopped: int

    @property
    def share(self) -> float:
        """Part of what reached the check that it stopped."""
        return self.stopped / self.reached if self.reached else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """Purchases of whales from the first check to the copy; sales of whales are counted apart."""

    since: datetime
    signals: int
    copied: int
    exit_signals: int
    steps: tuple[Step, ...]

    @property
    def most(self) -> Step | None:
        """The check that stopped most, None when none stopped anything."""
        return max(self.steps, key=lambda step: step.stopped, default=None)

    @property
    def warning(self) -> str | None:
        """What to look at when one check stops nearly all that reaches it."""
        for step in self.steps:
            if step.reached >= ENOUGH and step.share > ALARMING:
                where = SETTINGS.get(step.reason, f"see remora decisions --reason {step.reason.value}")
                return f"{step.reason.value} stops {step.share:.0%} of what reaches it: {where}."
        return None


def funnel_of(counts: Mapping[tuple[str, SkipReason | None], int], *, since: datetime) -> Funnel:
    """Return the funnel of decisions counted by outcome and reason; a copy with a reason was refused later."""
    copied, exits = counts.get(("copy", None), 0), counts.get(("exit", None), 0)
    stopped = {reason: sum(counts.get((outcome, reason), 0) for outcome in ("skip", "copy")) for reason in ORDER}
    left = signals = copied + sum(stopped.values())
    steps = []
    for reason, count in stopped.items():
        if count:
            steps.append(Step(reason=reason, reached=left, stopped=count))
            left -= count
    return Funnel(since=since, signals=signals, copied=copied, exit_signals=exits, steps=tuple(steps))
