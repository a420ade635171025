"""How likely a copied purchase pays, and whose number that is."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from remora.domain.ids import WalletAddress
from remora.domain.money import MICRO, ZERO, floor_to

PROBABILITY_MAX = Decimal("0.999")
"""Nothing is certain: no estimate of a chance is above this."""

PRICE_CLIP = 0.001
"""Prices nearer to 0 or 1 count as this far away: their log-odds would say more than anybody knows."""


class ChanceSource(StrEnum):
    """Whose estimate a stake is sized by."""

    SHRUNK_EDGE = "shrunk_edge"
    LEARNED_MODEL = "learned_model"
    FIXED_STAKE = "fixed_stake"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """The estimated chance that a share pays 1, who named it, and what is said of the learned model.

    `edge` is the gain per share over our all-in cost, in dollars, that goes with it.
    """

    probability: Decimal
    edge: Decimal
    source: ChanceSource
    learned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What the learned model looks at: a whale's purchase in dollars, at its price, some time before the end."""

    whale: WalletAddress
    category: str
    price: float
    usd: float
    to_end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedModel:
    """A fitted model of single purchases as plain numbers: a logistic regression and its calibration.

    The log-odds are `intercept` plus weights times the log-odds of the price, the wallet's shrunk edge (`skills`;
    0 where unknown), the log of dollars plus 1, the log of seconds to the end plus 1, and a weight for the
    category (0 where unknown). `knots` are the calibration: raw chances in order, and what each turned out to be.
    """

    intercept: float
    price: float
    skill: float
    usd: float
    to_end: float
    categories: tuple[tuple[str, float], ...]
    skills: tuple[tuple[str, float], ...]
    knots: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        numbers = (self.intercept, self.price, self.skill, self.usd, self.to_end)
        pairs = (
            *(weight for _, weight in (*self.categories, *self.skills)),
            *(n for knot in self.knots for n in knot),
        )
        if not all(map(math.isfinite, (*numbers, *pairs))):
            raise ValueError("a learned model's numbers must be finite")
        if not self.knots or any(not 0 <= chance <= 1 for _, chance in self.knots):
            raise ValueError(f"a learned model's calibration must name chances in [0, 1], was {self.knots}")
        if any(a[0] > b[0] or a[1] > b[1] for a, b in zip(self.knots, self.knots[1:], strict=False)):
            raise ValueError("a learned model's calibration must not fall")

    def chance(self, purchase: Purchase) -> float:
        """Return the chance that the outcome bought pays."""
        price = min(max(purchase.price, PRICE_CLIP), 1.0 - PRICE_CLIP)
        odds = (
            self.intercept
            + self.price * math.log(price / (1.0 - price))
            + self.skill * dict(self.skills).get(purchase.whale, 0.0)
            + self.usd * math.log1p(max(purchase.usd, 0.0))
            + self.to_end * math.log1p(max(purchase.to_end_s, 0.0))
            + dict(self.categories).get(purchase.category.lower() or "unknown", 0.0)
        )
        return self._calibrated(1.0 / (1.0 + math.exp(-min(max(odds, -500.0), 500.0))))

    def _calibrated(self, raw: float) -> float:
        """Return what a raw chance turned out to be: between two knots on the line, beyond the ends as there."""
        before = self.knots[0]
        if raw <= before[0]:
            return before[1]
        for after in self.knots[1:]:
            if raw <= after[0]:
                width = after[0] - before[0]
                return after[1] if width <= 0 else before[1] + (after[1] - before[1]) * (raw - before[0]) / width
            before = after
        return before[1]

    def recorded(self) -> dict[str, Any]:
        """Return the model as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_recorded(cls, recorded: Mapping[str, Any]) -> "LearnedModel":
        """Return the model that :meth:`recorded` gave; raise ValueError for anything else."""
        try:
            pairs = {
                name: tuple((str(a), float(b)) for a, b in recorded[name]) for name in ("categories", "skills")
            }
            weights = {name: float(recorded[name]) for name in ("intercept", "price", "skill", "usd", "to_end")}
            knots = tuple((float(a), float(b)) for a, b in recorded["knots"])
            return cls(**pairs, **weights, knots=knots)  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a recorded model, found {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class Learned:
    """What a roster says of the learned model: the `model`, or None; `why` it is used or not."""

    why: str
    model: LearnedModel | None = None

    def recorded(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        return {"why": self.why, "model": None if self.model is None else self.model.recorded()}

    @classmethod
    def from_recorded(cls, recorded: Any) -> "Learned":
        """Return what a roster version holds; a model that cannot be read is not used, and this says so."""
        if not isinstance(recorded, Mapping):
            return UNJUDGED
        if recorded.get("model") is None:
            return cls(str(recorded.get("why", UNJUDGED.why)))
        try:
            return cls(str(recorded.get("why", "")), LearnedModel.from_recorded(recorded["model"]))
        except (ValueError, AttributeError) as error:
            return cls(f"not used because the roster's model cannot be read: {error}")


UNJUDGED = Learned("not used because nobody has judged it for this roster")


def from_edge(cost: Decimal, edge: Decimal, learned: Learned) -> Chance:
    """Return the chance that a whale's shrunk follow edge over our all-in cost implies."""
    probability = _bounded(cost + edge)
    return Chance(probability=probability, edge=edge, source=ChanceSource.SHRUNK_EDGE, learned=learned.why)


def from_model(model: LearnedModel, purchase: Purchase, cost: Decimal, why: str) -> Chance:
    """Return the chance that the learned model gives a purchase; its edge is what is above our cost."""
    probability = _bounded(Decimal(model.chance(purchase)).quantize(MICRO))
    edge = floor_to(probability - cost, MICRO)
    return Chance(probability=probability, edge=edge, source=ChanceSource.LEARNED_MODEL, learned=why)


def fixed(cost: Decimal, edge: Decimal, learned: Learned) -> Chance:
    """Return the chance of a purchase whose stake it does not size: the whale is followed by name."""
    why = (
        learned.why if learned.model is None else "not used because a wallet followed by name takes a fixed stake"
    )
    return Chance(probability=_bounded(cost + edge), edge=edge, source=ChanceSource.FIXED_STAKE, learned=why)


def _bounded(probability: Decimal) -> Decimal:
    return min(max(probability, ZERO), PROBABILITY_MAX)
