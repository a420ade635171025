"""Facts about one binary market."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from remora.domain.ids import ConditionId, EventId, TokenId


class MarketClass(StrEnum):
    """How a market is treated by the default-deny filter."""

    STANDARD = "standard"
    SHORT_CRYPTO = "short_crypto"
    UNCLASSIFIED = "unclassified"


class ResolutionStatus(StrEnum):
    """Where a market stands on its way to a payout."""

    OPEN = "open"
    PROPOSED = "proposed"
    DISPUTED = "disputed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One of the two sides of a market."""

    token_id: TokenId
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What the venue says about a market, in our words.

    `end_at` is informational on this venue; `accepting_orders`, `closed` and `resolution` are the switches.
    `payouts` holds dollars per share for each outcome once resolved, (0.5, 0.5) included. `taker_delay` is how
    long the venue holds an order back that would take.
    """

    condition_id: ConditionId
    question: str
    slug: str
    event_id: EventId
    event_slug: str
    category: str
    market_class: MarketClass
    outcomes: tuple[Outcome, Outcome]
    tick_size: Decimal
    min_order_size: Decimal
    neg_risk: bool
    fee_rate: Decimal
    fee_exponent: int
    volume_24h_usd: Decimal
    end_at: datetime | None
    accepting_orders: bool
    closed: bool
    resolution: ResolutionStatus
    payouts: tuple[Decimal, Decimal] | None
    taker_delay: timedelta = timedelta(0)

    def outcome_index(self, token_id: TokenId) -> int:
        """Return 0 or 1; raise ValueError if the token is not one of this market's."""
        for index, outcome in enumerate(self.outcomes):
            if outcome.token_id == token_id:
                return index
        raise ValueError(f"token {token_id} does not belong to market {self.condition_id}")

    def opposite(self, token_id: TokenId) -> TokenId:
        """Return the other outcome's token."""
        return self.outcomes[1 - self.outcome_index(token_id)].token_id

    def payout(self, token_id: TokenId) -> Decimal | None:
        """Return dollars per share of `token_id` once resolved, None before."""
        return None if self.payouts is None else self.payouts[self.outcome_index(token_id)]
