"""What the exchange tells its listeners, in the order in which it happened."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from remora.domain.ids import ConditionId, TokenId
from remora.domain.money import Side
from remora.domain.trades import TradeKind
from remora.venues.twin.engine.records import Listing, RestingOrder, Trade


@dataclass(frozen=True, slots=True)
class Listed:
    """A market can be traded."""

    listing: Listing


@dataclass(frozen=True, slots=True)
class LevelsChanged:
    """Totals at some prices changed; `levels` maps (is_bid, price of outcome 0) to the new total of shares."""

    listing: Listing
    levels: dict[tuple[bool, int], int]


@dataclass(frozen=True, slots=True)
class TickMoved:
    """The market's tick changed, in millionths."""

    listing: Listing
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order was placed, filled in part or whole, or cancelled; `kind` is the user channel's type."""

    order: RestingOrder
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TradeEvent:
    """A trade was matched or moved through settlement."""

    trade: Trade
    at: datetime


@dataclass(frozen=True, slots=True)
class HashShown:
    """A trade's transaction hash became known later than its status."""

    trade: Trade
    at: datetime


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A market stopped accepting orders, was proposed, disputed, closed or resolved."""

    listing: Listing
    what: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Somebody exchanged resolved shares for dollars."""

    owner: str
    condition_id: ConditionId
    dollars: int
    at: datetime
    shares: dict[TokenId, int]
    transaction_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingChanged:
    """A wallet split, merged or transferred shares on chain; `outcome` is None where both are concerned.

    `change` is positive for what came and negative for what went, in millionths of a share.
    """

    owner: str
    listing: Listing
    kind: TradeKind
    outcome: int | None
    change: int
    at: datetime
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class Printed:
    """Others traded: the scenario's fills, which no account of this exchange took part in."""

    listing: Listing
    outcome: int
    side: Side
    price: int
    shares: int
    transaction_hash: str


Event = (
    Listed
    | LevelsChanged
    | TickMoved
    | OrderEvent
    | TradeEvent
    | HashShown
    | StateChanged
    | Redeemed
    | HoldingChanged
    | Printed
)
Listener = Callable[[Event], None]
