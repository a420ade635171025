"""What a backtest was asked for: everything that decides its numbers, as plain values."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from remora.backtest.costs import Costs, FillLevel, Latency
from remora.domain.limits import Limits
from remora.domain.market import MarketClass
from remora.statistics.scoring_params import ScoringParams


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

    def key(self, fingerprint: str, base: Limits, scoring: ScoringParams) -> str:
        """Return a digest of data, policy and assumptions, without the seed: equal keys are one trial."""
        values = asdict(self) | {
            "data": fingerprint,
            "policy": asdict(self.limits(base)),
            "selection": {**scoring.recorded(), **self.selection} if self.select else None,
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


def _read(name: str, text: Any, before: Any) -> Any:
    try:
        if isinstance(before, timedelta):
            return timedelta(seconds=float(text))
        if isinstance(before, Decimal):
            number = Decimal(str(text))
            if number.is_finite():
                return number
        elif isinstance(before, int):
            return int(text)
        elif isinstance(before, frozenset):
            return frozenset(MarketClass(part.strip()) for part in str(text).split(","))
        elif isinstance(before, str):
            return str(text)
    except (ArithmeticError, ValueError, TypeError):
        pass
    raise SpecRefused(f"{name}: expected a number, found {text!r}") from None
