"""What the exchange tells its listeners, in the order in which it happened."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from remora.domain.ids import ConditionId
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


Event = Listed | LevelsChanged | TickMoved | OrderEvent | TradeEvent | StateChanged | Redeemed
Listener = Callable[[Event], None]
