"""Messages between PositionWorkflow and its activities."""

from datetime import datetime
from decimal import Decimal

from remora.domain.exits import CrossingKind
from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.market import ResolutionStatus
from remora.domain.pnl import PositionBooks
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import ExitReason, PositionState, SkipReason
from schemas.message import ClockMessage, Message
from schemas.position import Resolution, SignalMessage

NEVER_SOLD = ("below_minimum", "market_closed", "unknown")
"""Why a sale ends that waiting alone does not help: dust, a closed market, an order that a person looks up."""


class Ref(Message):
    """Which position a step is about, and how its venue's clock runs."""

    position_id: str
    account: AccountId
    token_id: TokenId
    condition_id: ConditionId
    clock: ClockMessage


class Holding(Message):
    """What a position holds, paid and got back; `unknown` lists orders that nobody could look up.

    `held` is False also for crumbs below the venue's share grid: no order can sell them. `orders` are digests:
    with them a workflow's history can give a fill back to its position when the database was lost. `refused` says
    why what an operator found out was not booked.
    """

    shares: Decimal = Decimal(0)
    average_price: Decimal | None = None
    cost: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    proceeds: Decimal = Decimal(0)
    realised_pnl: Decimal = Decimal(0)
    unknown: tuple[OrderDigest, ...] = ()
    settling: bool = False
    held: bool = False
    orders: tuple[OrderDigest, ...] = ()
    refused: str | None = None

    @classmethod
    def of(
        cls,
        books: PositionBooks,
        *,
        unknown: tuple[OrderDigest, ...] = (),
        settling: bool = False,
        orders: tuple[OrderDigest, ...] = (),
    ) -> "Holding":
        """Return the message for a position's books."""
        return cls(
            shares=books.shares,
            average_price=books.average_price,
            cost=books.cost,
            fees=books.fees,
            proceeds=books.proceeds,
            realised_pnl=books.realised_pnl,
            unknown=unknown,
            settling=settling,
            held=books.shares >= SHARE_QUANTUM,
            orders=orders,
        )


class EnterAsk(Message):
    """Decide about a whale's purchase and, if approved, send the order; `position_id` for a later purchase.

    One that finds its position `leaving` is refused.
    """

    account: AccountId
    clock: ClockMessage
    signal: SignalMessage
    position_id: str | None = None
    cancelled: bool = False
    leaving: bool = False


class Entered(Message):
    """What became of a purchase: a skip with its reason, or a position and what it holds by now."""

    position_id: str | None = None
    skip_reason: SkipReason | None = None
    detail: str = ""
    unproven: bool = False
    question: str = ""
    outcome: str = ""
    spread: Decimal = Decimal(0)
    pending: bool = False
    holding: Holding = Holding()
    opposite_workflow_id: str | None = None
    opposite_sale: SignalMessage | None = None


class Adopted(Message):
    """A position whose workflow is gone, as the books have it; `pending` says that orders are not finished.

    `sales` is the number of the last sale that has a name: a later one must not go by the name of an earlier one.
    """

    question: str
    outcome: str
    unproven: bool
    state: PositionState
    exit_reason: ExitReason | None
    stop_price: Decimal | None
    target_price: Decimal | None
    pending: bool
    bought: bool
    holding: Holding
    sales: int = 0


class ArmAsk(Message):
    """Register exit triggers; a given price replaces the computed one.

    An asked price comes from a person: it is kept from now on, unless it would sell at once and is refused.
    """

    ref: Ref
    spread: Decimal
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    asked_stop_price: Decimal | None = None
    asked_target_price: Decimal | None = None


class Bounds(Message):
    """Thresholds in force; `exit_at` is venue time. `refused` says why they are not the ones asked for."""

    stop_price: Decimal | None
    target_price: Decimal | None
    exit_at: datetime | None
    refused: str | None = None


class CrossingAsk(Message):
    """Hold a reported crossing against a fresh book."""

    ref: Ref
    kind: CrossingKind


class Verdict(Message):
    """The crossing that a fresh book confirms, None if none."""

    kind: CrossingKind | None


class SaleAsk(Message):
    """How much of ours to sell after a whale's sale."""

    ref: Ref
    signal: SignalMessage


class Share(Message):
    """Part of the holding to sell, in [0, 1]."""

    share: Decimal


class SellAsk(Message):
    """Sell a share of the holding until nothing sellable is left or patience ends.

    One that found no buyer is asked for again under its `name`, with one more of `tries`: what it has sold counts.
    """

    ref: Ref
    reason: ExitReason
    share: Decimal = Decimal(1)
    aggressive: bool = False
    name: str
    tries: int = 0


class Sold(Message):
    """What a sale came to; `left` says why shares remain, None when nothing remains to be sold.

    `attention` is what a person should know: the exchange refuses for a reason that no further try mends.
    """

    holding: Holding
    left: str | None
    attention: str | None = None

    @property
    def unsold(self) -> bool:
        """Whether the same sale may find a buyer later."""
        return self.left is not None and self.left not in NEVER_SOLD


class MarketView(Message):
    """The switches of a market, and when its positions are to be left (venue time)."""

    accepting_orders: bool
    closed: bool
    resolution: ResolutionStatus
    exit_at: datetime | None


class SettleByHand(Message):
    """An operator's finding about an order."""

    ref: Ref
    digest: OrderDigest
    outcome: Resolution
    shares: Decimal
    price: Decimal | None
    fee: Decimal


class StateAsk(Message):
    """Write where a position stands, or end it."""

    ref: Ref
    state: PositionState
    exit_reason: ExitReason | None = None
    attention: str | None = None
