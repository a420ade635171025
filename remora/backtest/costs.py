"""What a copier pays beyond the whale's price: time, and what others leave to buy."""

import json
import math
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np

from remora.backtest.history import Floats


class LatencyUnreadable(ValueError):
    """A latency was asked for in a way that means nothing."""


MEASURED_DETECTION_S = (1.80, 1.90, 2.00, 2.10, 2.60)
"""Seconds from match to sight on the activity stream at even quantiles, as others measured them."""

MEASURED_ORDER_S = (0.012, 0.020, 0.030, 0.060, 0.250)
"""Seconds from sight to the exchange: our own path on two cores, and a network's round trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds from a whale's fill to our sight of it, and from there to the exchange: quantiles at even steps."""

    name: str
    detection: tuple[float, ...]
    order: tuple[float, ...]

    @classmethod
    def measured(cls) -> Self:
        """Return the distribution that was measured on the public streams."""
        return cls(name="measured", detection=MEASURED_DETECTION_S, order=MEASURED_ORDER_S)

    @classmethod
    def fixed(cls, seconds: float) -> Self:
        """Return a constant total."""
        if not (math.isfinite(seconds) and 0 <= seconds <= 86_400):
            raise LatencyUnreadable(f"latency must lie between 0 and 86400 seconds, was {seconds}")
        return cls(name=f"{seconds:g} s", detection=(seconds,), order=(0.0,))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``measured``, a number of seconds, or a JSON file of samples; raise LatencyUnreadable.

        The file holds a list of total seconds, or ``{"detection_s": [...], "order_s": [...]}``.
        """
        if text == "measured":
            return cls.measured()
        try:
            return cls.fixed(float(text.removesuffix("s").strip()))
        except LatencyUnreadable:
            raise
        except ValueError:
            return cls._of_file(Path(text))

    @classmethod
    def _of_file(cls, path: Path) -> Self:
        try:
            found: Any = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise LatencyUnreadable(
                f"expected measured, ledger, seconds or a JSON file of samples, found {str(path)!r} ({error})"
            ) from None
        parts = found if isinstance(found, dict) else {"detection_s": found, "order_s": [0.0]}
        samples = []
        for name in ("detection_s", "order_s"):
            values: Any = parts.get(name)
            good = isinstance(values, list) and values and all(isinstance(v, int | float) for v in values)
            if not good or not all(0 <= float(v) <= 86_400 for v in values):
                raise LatencyUnreadable(f"{path}: expected {name} as a list of seconds from 0 to 86400")
            samples.append(tuple(sorted(float(v) for v in values)))
        return cls(name=path.name, detection=samples[0], order=samples[1])

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return `count` draws of both parts; the first ones do not depend on how many follow."""
        shares = rng.random((count, 2))
        return _quantiles(self.detection, shares[:, 0]), _quantiles(self.order, shares[:, 1])


def _quantiles(values: tuple[float, ...], shares: Floats) -> Floats:
    if len(values) == 1:
        return np.full(shares.size, values[0])
    found: Floats = np.interp(shares, np.linspace(0.0, 1.0, len(values)), values)
    return found


class FillLevel(StrEnum):
    """How much of what others traded later would have been ours, and at which price.

    `PESSIMISTIC`: the worst price printed on our side within the window, and a small share of what was printed.
    `REALISTIC`: each later print on our side gives a share of its size, at the worse of its price and
    the touch we met. `OPTIMISTIC`: the synthetic book at the instant of arrival. Where resting orders were
    recorded, all three walk them, and take a smaller or larger share of each level.
    """

    PESSIMISTIC = "pessimistic"
    REALISTIC = "realistic"
    OPTIMISTIC = "optimistic"


PARTICIPATION = {FillLevel.PESSIMISTIC: 0.10, FillLevel.REALISTIC: 0.25, FillLevel.OPTIMISTIC: 1.0}
"""Largest share of the printed size, or of a recorded level, that counts as ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Everything assumed about execution. Seconds, dollars, shares of printed size."""

    latency: Latency
    level: FillLevel = FillLevel.REALISTIC
    fill_window_s: float = 600.0
    """How long later prints may bound a fill; what was not bought by then was not there."""

    depth_usd: float = 1000.0
    """Dollars on the first level of the synthetic book that the decision core sees."""

    spread_ticks: int = 1
    redemption_lag_s: float = 600.0
    miss_chance: float = 0.0
    """Share of orders that find nothing whatever was printed; simulations vary it."""

    participation_spread: float = 0.0
    """Simulations draw each order's share of the printed size from so far around its level's, as a fraction."""

    @property
    def participation(self) -> float:
        """Return the share of what was printed that counts as ours."""
        return PARTICIPATION[self.level]

    def varied(self) -> "Costs":
        """Return the costs as simulations draw them."""
        return replace(self, miss_chance=max(self.miss_chance, 0.02), participation_spread=0.75)

    def recorded(self) -> dict[str, Any]:
        """Return every number as plain JSON."""
        return {
            "latency": self.latency.name,
            "latency_median_s": float(np.median(self.latency.detection) + np.median(self.latency.order)),
            "fills": self.level.value,
            "participation": self.participation,
            "fill_window_s": self.fill_window_s,
            "depth_usd": self.depth_usd,
            "spread_ticks": self.spread_ticks,
            "redemption_lag_s": self.redemption_lag_s,
        }
