"""What a backtest was asked for: everything that decides its numbers, as plain values."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from remora.backtest.costs import Costs, FillLevel, Latency
from remora.domain.limits import Limits
from remora.domain.market import MarketClass
from remora.statistics.scoring_params import RankBy, ScoringParams

THRESHOLDS = {
    "win_rate_min": 1.0,
    "sharpe_min": 100.0,
    "score_min": 100.0,
    "false_discovery_rate": 1.0,
    "closed_events_min": 1e6,
    "rarer_outcome_min": 1e6,
    "tested_events_min": 1e6,
    "two_sided_max": 1.0,
    "pair_share_max": 1.0,
    "maker_share_max": 1.0,
    "gain_concentration_max": 1.0,
    "holding_to_latency_min": 1e6,
}
"""Numbers of the gates that choose whom to follow, and the most that each may be; none is below 0."""

SPAN_MAX_S = 100 * 365.25 * 86_400.0
"""A hundred years: no span of a policy is longer."""


class SpecRefused(Exception):
    """A run that must not be: it would look ahead, or nothing could come of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One configuration. Times are seconds since 1970; `policy` are the numbers that differ from the settings.

    `whales` names who is followed; without it selection walks forward, on what was known at each rescoring.
    """

    start: float
    end: float
    whales: tuple[str, ...] = ()
    select: bool = False
    rescore_days: float = 7.0
    embargo_days: float = 1.0
    rank_by: str = "score_low"
    followed_max: int = 10
    latency: str = "measured"
    fills: str = FillLevel.REALISTIC.value
    fill_window_s: float = 600.0
    depth_usd: float = 1000.0
    spread_ticks: int = 1
    redemption_lag_s: float = 600.0
    capital: float = 10_000.0
    policy: Mapping[str, str] = field(default_factory=dict)
    selection: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    def costs(self) -> Costs:
        """Return the assumptions about execution; raise LatencyUnreadable."""
        return Costs(
            latency=Latency.parse(self.latency),
            level=FillLevel(self.fills),
            fill_window_s=self.fill_window_s,
            depth_usd=self.depth_usd,
            spread_ticks=self.spread_ticks,
            redemption_lag_s=self.redemption_lag_s,
        )

    def limits(self, base: Limits) -> Limits:
        """Return `base` with the policy's numbers; raise SpecRefused for unknown names."""
        return changed(base, self.policy)

    def scoring(self, base: ScoringParams) -> ScoringParams:
        """Return `base` with the thresholds of the configuration; raise SpecRefused for what none can be."""
        numbers = {name: threshold(name, value, base) for name, value in self.selection.items()}
        changes: dict[str, Any] = {name: type(getattr(base, name))(value) for name, value in numbers.items()}
        try:
            return replace(base, rank_by=RankBy(self.rank_by), **changes)
        except ValueError as error:
            raise SpecRefused(str(error)) from None

    def key(self, fingerprint: str, base: Limits, scoring: ScoringParams) -> str:
        """Return a digest of data, policy and assumptions, without the seed: equal keys are one trial."""
        values = asdict(self) | {
            "data": fingerprint,
            "policy": asdict(self.limits(base)),
            "selection": dict(self.scoring(scoring).recorded()) if self.select else None,
        }
        del values["seed"]
        return hashlib.sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).hexdigest()[:24]

    def recorded(self) -> dict[str, Any]:
        """Return every value as plain JSON."""
        values = asdict(self)
        return values | {
            "start": datetime.fromtimestamp(self.start, UTC).isoformat(),
            "end": datetime.fromtimestamp(self.end, UTC).isoformat(),
            "whales": list(self.whales),
            "policy": dict(self.policy),
            "selection": dict(self.selection),
        }


def threshold(name: str, value: Any, base: ScoringParams) -> float:
    """Return one number of the gates; raise SpecRefused for an unknown name or a value that means nothing."""
    if name not in THRESHOLDS:
        raise SpecRefused(f"unknown threshold {name!r}; expected some of {', '.join(THRESHOLDS)}")
    whole = isinstance(getattr(base, name), int)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 <= number <= THRESHOLDS[name] or (whole and not number.is_integer()):
        kind = "a whole number" if whole else "a number"
        raise SpecRefused(f"{name}: expected {kind} from 0 to {THRESHOLDS[name]:g}, found {value!r}")
    return number


def _plain(value: Any) -> str:
    return ",".join(sorted(map(str, value))) if isinstance(value, frozenset) else str(value)


def changed(base: Limits, policy: Mapping[str, Any]) -> Limits:
    """Return limits with some numbers replaced, each written as text in the unit of its field (spans: seconds).

    Raises SpecRefused for a name that limits do not have or a value that cannot be read.
    """
    values: dict[str, Any] = {}
    for name, text in policy.items():
        if name not in Limits.__dataclass_fields__:
            known = ", ".join(sorted(Limits.__dataclass_fields__))
            raise SpecRefused(f"unknown number {name!r} of the policy; expected some of {known}")
        values[name] = _read(name, text, getattr(base, name))
    return replace(base, **values)


SHARES = frozenset({"kelly_fraction", "stop_loss", "spread_max", "drift_min_usd", "target_max"})
"""Numbers from 0 to 1, besides all whose name ends in ``_share``."""


def _bounds(name: str) -> tuple[float, float]:
    """Return what a number of the policy must at least and at most be: beyond it a run means nothing."""
    if name.endswith(("_share", "_share_ceiling")) or name in SHARES:
        return 0.0, 1.0
    if name == "take_profit":
        return 0.0, 100.0
    return (1.0, 1e6) if name == "entry_orders_per_minute" else (0.0, 1e12)


def _read(name: str, text: Any, before: Any) -> Any:
    low, high = _bounds(name)
    expected = f"a number from {low:g} to {high:g}"
    try:
        if isinstance(before, timedelta):
            expected = f"seconds from 0 to {SPAN_MAX_S:,.0f}"
            if 0.0 <= float(text) <= SPAN_MAX_S:
                return timedelta(seconds=float(text))
        elif isinstance(before, Decimal):
            number = Decimal(str(text))
            if number.is_finite() and low <= number <= high:
                return number
        elif isinstance(before, int):
            expected = f"a whole number from {low:g} to {high:g}"
            if not isinstance(text, bool) and low <= int(str(text)) <= high:
                return int(str(text))
        elif isinstance(before, frozenset):
            expected = f"names separated by commas, out of {', '.join(MarketClass)}"
            return frozenset(MarketClass(part.strip()) for part in str(text).split(","))
        elif isinstance(before, str):
            expected = "an IANA time zone, such as UTC"
            return ZoneInfo(str(text)).key
    except (ArithmeticError, ValueError, TypeError, OSError, ZoneInfoNotFoundError):
        pass
    raise SpecRefused(f"{name}: expected {expected}, found {text!r}") from None
