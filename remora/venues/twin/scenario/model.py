"""What a replay plays: markets, and everything that happens to them in order of venue time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from remora.domain.ids import ConditionId, EventId, TokenId, WalletAddress
from remora.domain.money import Side

SYNTHETIC_DEPTH = (
    "Prices and sizes of trades are the scenario's; the depth around them is synthetic: "
    "an invented ladder of resting orders, on tick, that is renewed whenever the price moves."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """Facts of one binary market that do not change while it trades.

    `depth_usd` is the money that rests on each synthetic price level, `spread_ticks` the gap between best bid
    and best ask; a depth of 0 means that nobody quotes. Orders that would take are held back for `taker_delay`.
    """

    condition_id: ConditionId
    question: str
    slug: str
    event_id: EventId
    event_slug: str
    event_title: str
    category: str | None
    tags: tuple[str, ...]
    labels: tuple[str, str]
    tokens: tuple[TokenId, TokenId]
    gamma_id: str
    tick_size: Decimal
    min_order_size: Decimal
    neg_risk: bool
    fee_rate: Decimal
    fee_exponent: int
    rebate_rate: Decimal
    start_at: datetime
    end_at: datetime
    depth_usd: Decimal
    spread_ticks: int = 1
    taker_delay: timedelta = timedelta(0)

    def outcome_index(self, token_id: TokenId) -> int:
        """Return 0 or 1; raise ValueError if the token is not one of this market's."""
        try:
            return self.tokens.index(token_id)
        except ValueError:
            raise ValueError(f"token {token_id} does not belong to market {self.condition_id}") from None


@dataclass(frozen=True, slots=True)
class MarketOpened:
    """A market starts to trade; `price` is dollars per share of outcome 0."""

    at: datetime
    market: MarketSpec
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTrade:
    """A wallet's fill against the synthetic depth, as it is printed in every feed."""

    at: datetime
    wallet: WalletAddress
    condition_id: ConditionId
    outcome_index: int
    side: Side
    price: Decimal
    size: Decimal
    transaction_hash: str
    taker: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalMerge:
    """A wallet turns `size` pairs of both outcomes back into dollars: its holding shrinks without a trade."""

    at: datetime
    wallet: WalletAddress
    condition_id: ConditionId
    size: Decimal
    transaction_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """Synthetic liquidity moves: `mid` is dollars per share of outcome 0, between ticks if need be.

    `depth_usd` and `spread_ticks` replace the market's own when given; a depth of 0 empties the book.
    """

    at: datetime
    condition_id: ConditionId
    mid: Decimal
    depth_usd: Decimal | None = None
    spread_ticks: int | None = None


@dataclass(frozen=True, slots=True)
class TickChanged:
    """The market's tick changes."""

    at: datetime
    condition_id: ConditionId
    tick_size: Decimal


@dataclass(frozen=True, slots=True)
class ResolutionProposed:
    """Someone proposes a result to the oracle; two hours of challenge time start."""

    at: datetime
    condition_id: ConditionId


@dataclass(frozen=True, slots=True)
class TradingClosed:
    """The market takes no more orders."""

    at: datetime
    condition_id: ConditionId


@dataclass(frozen=True, slots=True)
class Resolved:
    """The market pays `payouts` dollars per share of each outcome."""

    at: datetime
    condition_id: ConditionId
    payouts: tuple[Decimal, Decimal]


ScenarioEvent = (
    MarketOpened
    | ExternalTrade
    | ExternalMerge
    | Quoted
    | TickChanged
    | ResolutionProposed
    | TradingClosed
    | Resolved
)

_RANK: Mapping[type, int] = {
    MarketOpened: 0,
    TickChanged: 1,
    Quoted: 2,
    ExternalTrade: 3,
    ExternalMerge: 4,
    ResolutionProposed: 5,
    TradingClosed: 6,
    Resolved: 7,
}


def in_order(events: list[ScenarioEvent]) -> list[ScenarioEvent]:
    """Return events by venue time; at one instant a market opens first and resolves last."""
    return sorted(events, key=lambda event: (event.at, _RANK[type(event)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletTruth:
    """What the generator knows about a wallet and nobody else may."""

    wallet: WalletAddress
    skilled: bool
    skill: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a replay needs; `history` ends where the window starts.

    `events` holds history and window in one order. `notices` are sentences that every report must carry,
    `rejected` counts input rows that were kept out, by reason code.
    """

    name: str
    source: str
    markets: tuple[MarketSpec, ...]
    events: tuple[ScenarioEvent, ...]
    window_start: datetime
    window_end: datetime
    speed: float
    notices: tuple[str, ...] = (SYNTHETIC_DEPTH,)
    rejected: Mapping[str, int] = field(default_factory=dict)
    wallets: tuple[WalletTruth, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
