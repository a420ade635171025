"""Where what was detected goes; the watcher itself does not know who listens."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from remora.domain.clock import VenueClock
from remora.domain.exits import CrossingKind
from remora.domain.ids import ConditionId, OrderDigest
from remora.domain.market import ResolutionStatus
from remora.domain.trades import Signal


class Unreachable(Exception):
    """Whoever should hear of it does not answer now; the same delivery may succeed later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """The executable price of a position lies beyond a threshold."""

    position_id: str
    workflow_id: str
    kind: CrossingKind
    executable_price: Decimal
    updates: int
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """The venue said something about one of our orders."""

    workflow_id: str
    digest: OrderDigest
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketChange:
    """Acceptance or resolution of a held market changed."""

    workflow_id: str
    condition_id: ConditionId
    accepting_orders: bool
    closed: bool
    resolution: ResolutionStatus
    seen_at: datetime


class Outlet(Protocol):
    """Takes what was detected; every method raises Unreachable when it should be called again later."""

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Hand over a signal; False when it is a sale and nothing runs that could sell."""

    async def price_crossed(self, crossing: Crossing) -> None:
        """Tell a position that its price crossed a threshold; an ended position needs nothing."""

    async def order_changed(self, change: OrderChange) -> None:
        """Tell a position that one of its orders changed; an ended position needs nothing."""

    async def market_changed(self, change: MarketChange) -> None:
        """Tell a position that its market changed; an ended position needs nothing."""

    async def desk_should_look(self, cause: str, seen_at: datetime) -> None:
        """Tell the desk that its limits or the calendar may turn a dial; without a desk nobody needs to know."""
