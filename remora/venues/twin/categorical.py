"""Markets with three outcomes or more, as the venue had them in its first years: listed, but without any book."""

import json
from dataclasses import dataclass
from typing import Any

from remora.domain.ids import ConditionId, TokenId
from remora.venues.twin.scenario.identifiers import condition_id, numeric_id, token_ids
from remora.venues.twin.scenario.season_titles import slugify


@dataclass(frozen=True, slots=True)
class CategoricalMarket:
    """One such market; nothing can be traded in it here."""

    condition_id: ConditionId
    question: str
    labels: tuple[str, ...]
    tokens: tuple[TokenId, ...]

    @classmethod
    def named(cls, question: str, labels: tuple[str, ...]) -> "CategoricalMarket":
        """Return the market of a question."""
        tokens = tuple(token_ids(condition_id("categorical", question, label))[0] for label in labels)
        return cls(condition_id("categorical", question), question, labels, tokens)

    def as_json(self) -> dict[str, Any]:
        """Return the market as Gamma writes it."""
        even = f"{1 / len(self.labels):.4f}"
        return {
            "id": numeric_id("market", self.condition_id),
            "question": self.question,
            "conditionId": self.condition_id,
            "slug": slugify(self.question),
            "outcomes": json.dumps(list(self.labels)),
            "outcomePrices": json.dumps([even] * len(self.labels)),
            "clobTokenIds": json.dumps(list(self.tokens)),
            "active": True,
            "closed": False,
            "acceptingOrders": False,
            "enableOrderBook": False,
        }
