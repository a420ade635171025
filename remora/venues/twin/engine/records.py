"""What the exchange remembers: amounts are integers in millionths of a dollar or share."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from remora.domain.ids import ConditionId, OrderDigest, TokenId
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side, from_micros, micros
from remora.domain.orders import FillStatus, OrderType
from remora.venues.twin.scenario.model import MarketSpec

UNIT = 1_000_000
HOUSE = "0x000000000000000000000000000000000000d0de"
"""Owner of the synthetic liquidity; the only account whose balances may be negative."""

FEES = "0x000000000000000000000000000000000000fee5"
"""Account that receives taker fees."""


class OrderStatus(StrEnum):
    """Life of an order, in the words of the user channel."""

    LIVE = "LIVE"
    DELAYED = "DELAYED"
    MATCHED = "MATCHED"
    UNMATCHED = "UNMATCHED"
    CANCELED = "CANCELED"
    UNBACKED = "CANCELED_NOT_ENOUGH_BALANCE"
    EXPIRED = "CANCELED_EXPIRED_ORDER"
    RESOLVED = "CANCELED_MARKET_RESOLVED"

    @property
    def waiting(self) -> bool:
        """Whether the order may still fill."""
        return self in (OrderStatus.LIVE, OrderStatus.DELAYED)


@dataclass(slots=True)
class Listing:
    """A market and its state."""

    spec: MarketSpec
    tick: int
    accepting: bool = True
    closed: bool = False
    resolution: ResolutionStatus = ResolutionStatus.OPEN
    payouts: tuple[Decimal, Decimal] | None = None
    last_price: int | None = None
    last_side: Side | None = None
    volume_24h_usd: Decimal = Decimal(0)
    closed_at: datetime | None = None
    proposed_at: datetime | None = None
    resolved_at: datetime | None = None
    pool: int = 0

    @property
    def tick_size(self) -> Decimal:
        """The tick in dollars."""
        return from_micros(self.tick).normalize()


@dataclass(slots=True, kw_only=True, eq=False)
class RestingOrder:
    """An order that was accepted; `remaining` is in shares, `dollars_left` only for market purchases.

    `made` counts the shares that it gave to or took from takers while it rested; `parts` asks the matching to
    take each level in that many pieces, each a trade of its own.
    """

    digest: OrderDigest
    owner: str
    api_key: str
    condition_id: ConditionId
    token_id: TokenId
    outcome: int
    side: Side
    price: int
    size: int
    remaining: int
    order_type: OrderType
    created_at: datetime
    expires_at: datetime | None
    received_at: datetime
    status: OrderStatus = OrderStatus.LIVE
    dollars_left: int | None = None
    making: int = 0
    taking: int = 0
    made: int = 0
    trades: list[str] = field(default_factory=list)
    sequence: int = 0
    parts: int = 1

    @property
    def book_price(self) -> int:
        """Price in terms of outcome 0."""
        return self.price if self.outcome == 0 else UNIT - self.price

    @property
    def book_side(self) -> Side:
        """Side in terms of outcome 0: buying one outcome is selling the other."""
        return self.side if self.outcome == 0 else self.side.opposite

    @property
    def matched(self) -> int:
        """Shares filled so far."""
        return self.taking if self.side is Side.BUY else self.making

    @property
    def resting(self) -> bool:
        """Whether it waits in the book."""
        return self.status is OrderStatus.LIVE and self.remaining > 0

    @property
    def reserved_dollars(self) -> int:
        """What a resting purchase may still cost, in millionths."""
        whole = -(-(self.made + self.remaining) * self.price // UNIT)
        return whole + (-self.made * self.price // UNIT)


@dataclass(slots=True, kw_only=True)
class MakerFill:
    """One resting order's part in a trade, from its own side."""

    digest: OrderDigest
    owner: str
    api_key: str
    token_id: TokenId
    outcome: int
    side: Side
    price: int
    shares: int
    notional: int


@dataclass(slots=True, kw_only=True, eq=False)
class Trade:
    """Shares taken at one price, with its settlement; `fee` is the taker's, in dollars."""

    id: str
    condition_id: ConditionId
    taker: RestingOrder
    makers: list[MakerFill]
    price: int
    shares: int
    notional: int
    fee: int
    matched_at: datetime
    wall_at: datetime
    sequence: int
    status: FillStatus = FillStatus.MATCHED
    mined_wall: datetime | None = None
    transaction_hash: str = ""
    updated_at: datetime | None = None


@dataclass(slots=True)
class Account:
    """Balances of one wallet."""

    cash: int = 0
    shares: dict[TokenId, int] = field(default_factory=dict)
    fees: int = 0
    deposits: int = 0
    redemptions: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A verified order as it came over the wire."""

    digest: OrderDigest
    owner: str
    api_key: str
    token_id: TokenId
    side: Side
    maker_amount: int
    taker_amount: int
    order_type: OrderType
    post_only: bool
    expiration: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Answer to an accepted order; `making` and `taking` are what matched at once."""

    digest: OrderDigest
    status: str
    making: int
    taking: int
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Answer to a refused order: an HTTP status with an error, or 200 with an ``errorMsg`` in the body."""

    http_status: int
    error: str


def text(amount: int) -> str:
    """Return an amount as the venue writes it: a decimal string without trailing zeros."""
    value = from_micros(amount)
    shortened = f"{value:f}"
    return shortened.rstrip("0").rstrip(".") if "." in shortened else shortened


def price_units(price: Decimal) -> int:
    """Return a price in millionths of a dollar."""
    return micros(price)
