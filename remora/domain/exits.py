"""When and how a position is left."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from remora.domain.books import OrderBook
from remora.domain.limits import Limits
from remora.domain.market import Market, ResolutionStatus
from remora.domain.money import MICRO, ONE, ZERO, Side, floor_to
from remora.domain.orders import OrderRequest
from remora.domain.precision import SHARE_QUANTUM, price_ceil, price_floor
from remora.domain.reasons import ExitReason


class CrossingKind(StrEnum):
    """Which threshold the executable price went beyond."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Prices at which a position is left; None where the price cannot be reached. `exit_at` is venue time."""

    stop_price: Decimal | None
    target_price: Decimal | None
    exit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Dust:
    """Nothing can be sold now; `reason` is ``below_minimum``, ``no_bids`` or ``market_closed``."""

    reason: str


def thresholds(
    *, entry_price: Decimal, spread_paid: Decimal, tick_size: Decimal, end_at: datetime | None, limits: Limits
) -> Thresholds:
    """Return stop, target and pre-resolution exit for an entry.

    The stop lies ``max(15 % of entry, 2 ticks + spread paid)`` below the entry, so that the spread alone cannot
    trigger it; the target at ``min(entry * 1.30, 0.99)``.
    """
    distance = max(limits.stop_loss * entry_price, limits.stop_ticks * tick_size + max(ZERO, spread_paid))
    stop = floor_to(entry_price - distance, MICRO)
    target = floor_to(min(entry_price * (ONE + limits.take_profit), limits.target_max), MICRO)
    return Thresholds(
        stop_price=stop if stop > 0 else None,
        target_price=target if target > entry_price else None,
        exit_at=None if end_at is None else end_at - limits.pre_resolution,
    )


def executable_bid(book: OrderBook, shares: Decimal) -> Decimal | None:
    """Return the depth-weighted bid for `shares` (of what is wanted at all), None without bids."""
    average = book.depth(Side.SELL, shares).average
    return None if average is None else floor_to(average, MICRO)


def crossed(book: OrderBook, shares: Decimal, bounds: Thresholds) -> CrossingKind | None:
    """Return which threshold the executable price lies beyond right now.

    Shares that nobody bids for are worth nothing to a target: five bid for at 0.99 are no profit on a thousand.
    A stop looks at what is bid alone, so that a thin book does not sell.
    """
    price = executable_bid(book, shares)
    if price is None:
        return None
    if bounds.stop_price is not None and price <= bounds.stop_price:
        return CrossingKind.STOP_LOSS
    target = bounds.target_price
    if target is not None and price >= target and book.depth(Side.SELL, shares).notional >= target * shares:
        return CrossingKind.TAKE_PROFIT
    return None


@dataclass(slots=True)
class CrossingMonitor:
    """Tells a crossing from one bad tick: it must last two distinct book updates or two seconds."""

    shares: Decimal
    bounds: Thresholds
    updates_needed: int
    age_needed: timedelta
    _kind: CrossingKind | None = field(default=None, init=False)
    _first_seen: datetime | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)
    _last_distinct: int | None = field(default=None, init=False)

    @property
    def updates_seen(self) -> int:
        """Return how many distinct books in a row showed what the last one shows."""
        return self._seen

    @property
    def pending(self) -> tuple[datetime, CrossingKind] | None:
        """Return since when the last book shows a crossing and which, None without one."""
        return None if self._kind is None or self._first_seen is None else (self._first_seen, self._kind)

    def update(self, book: OrderBook, distinct: int, seen_at: datetime) -> CrossingKind | None:
        """Take in a book; return the crossing once it counts. `distinct` numbers the token's book changes."""
        if distinct == self._last_distinct:
            return self.elapsed(seen_at)
        self._last_distinct = distinct
        kind = crossed(book, self.shares, self.bounds)
        if kind is None or kind is not self._kind:
            self._kind, self._first_seen, self._seen = kind, seen_at, 0
        self._seen += 1
        return self.elapsed(seen_at)

    def elapsed(self, now: datetime) -> CrossingKind | None:
        """Return the crossing if it counts by now, also when no further update came."""
        if self._kind is None or self._first_seen is None:
            return None
        lasted = self._seen >= self.updates_needed or now - self._first_seen >= self.age_needed
        return self._kind if lasted else None

    def rearm(self) -> None:
        """Forget what was seen: the next crossing must last again."""
        self._kind, self._first_seen, self._seen = None, None, 0


def share_to_sell(
    *, whale_sold: Decimal, whale_holding_before: Decimal | None, whale_seen_bought: Decimal
) -> Decimal:
    """Return the share of our position to sell after a whale sold, in [0, 1].

    The same share of the holding; where the holding is unknown, all once it sold half of what we saw it buy.
    """
    if whale_sold <= 0:
        return ZERO
    if whale_holding_before is not None and whale_holding_before > 0:
        return min(ONE, whale_sold / whale_holding_before)
    if whale_seen_bought <= 0 or whale_sold * 2 >= whale_seen_bought:
        return ONE
    return whale_sold / whale_seen_bought


def holding_before(
    holding: Decimal | None, *, sold: Decimal, counted: bool, opposite: bool = False
) -> Decimal | None:
    """Return what a whale held before it sold `sold`, None if unknown.

    `holding` is what the venue reports now; `counted` says whether that report already includes the sale. A
    purchase of the opposite outcome leaves the holding as it is.
    """
    if holding is None or opposite:
        return holding
    return holding + sold if counted or holding < sold else holding


def sale_size(*, held: Decimal, share: Decimal, minimum: Decimal) -> Decimal:
    """Return how many shares to sell for a share of the holding; all, if the rest could not be sold later."""
    wanted = held if share >= ONE else held * share
    return held if held - wanted < minimum else floor_to(wanted, SHARE_QUANTUM)


def urgent(reason: ExitReason | None, market: Market, now_venue: datetime, limits: Limits) -> bool:
    """Return whether the end is so near that a sale takes any price.

    It is once a resolution was proposed, and for what is left of a pre-resolution exit in the last two hours.
    """
    if market.resolution is not ResolutionStatus.OPEN:
        return True
    if market.end_at is None or reason is not ExitReason.PRE_RESOLUTION:
        return False
    return market.end_at - now_venue <= limits.pre_resolution_aggressive


def exit_order(
    *, market: Market, book: OrderBook | None, shares: Decimal, aggressive: bool, limits: Limits
) -> OrderRequest | Dust:
    """Return the sale of `shares` as an immediate-or-cancel order, or why nothing can be sold.

    An aggressive exit takes any price. Otherwise the limit lies a little below the best bid, and what is left is
    tried again on a fresh book.
    """
    if market.closed or not market.accepting_orders:
        return Dust("market_closed")
    size = floor_to(shares, SHARE_QUANTUM)
    if size < market.min_order_size:
        return Dust("below_minimum")
    if book is None or book.best_bid is None or book.best_bid < market.tick_size:
        return Dust("no_bids")
    tick = market.tick_size
    slack = max(limits.drift_ticks * tick, limits.drift_min_usd)
    limit = tick if aggressive else price_floor(max(book.best_bid - slack, tick), tick)
    return OrderRequest(
        token_id=book.token_id,
        condition_id=market.condition_id,
        side=Side.SELL,
        shares=size,
        limit_price=min(limit, price_ceil(ONE - tick, tick)),
    )
