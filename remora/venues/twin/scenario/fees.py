"""Taker fees by market category, as the venue publishes them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """`rate` in fee = shares x rate x p(1-p); `rebate_rate` is the makers' share of it."""

    rate: Decimal
    rebate_rate: Decimal


_OTHER = FeeTerms(Decimal("0.05"), Decimal("0.25"))
_TERMS = {
    "crypto": FeeTerms(Decimal("0.07"), Decimal("0.20")),
    "sports": FeeTerms(Decimal("0.05"), Decimal("0.15")),
    "finance": FeeTerms(Decimal("0.04"), Decimal("0.25")),
    "politics": FeeTerms(Decimal("0.04"), Decimal("0.25")),
    "tech": FeeTerms(Decimal("0.04"), Decimal("0.25")),
    "mentions": FeeTerms(Decimal("0.04"), Decimal("0.25")),
    "geopolitics": FeeTerms(Decimal(0), Decimal(0)),
}


def fee_terms(category: str | None) -> FeeTerms:
    """Return the fee terms of a category; an unknown one pays what "other" pays."""
    return _TERMS.get((category or "").lower(), _OTHER)
