"""Messages of PositionWorkflow."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from remora.domain.exits import CrossingKind
from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId, WalletAddress
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.domain.reasons import ExitReason, PositionState, SkipReason
from remora.domain.trades import Signal, TradeKind, TradeSource
from schemas.message import ClockMessage, Message, News, TraceContext


def position_workflow_id(account: AccountId, whale: WalletAddress, token_id: TokenId) -> str:
    """Return the id under which a copy of this whale's holding in this token runs."""
    return f"position/{account}/{whale}/{token_id}"


class SignalMessage(News):
    """A :class:`remora.domain.trades.Signal` on the wire, with the sender's trace."""

    key: str
    trade_keys: tuple[str, ...]
    whale: WalletAddress
    token_id: TokenId
    condition_id: ConditionId
    side: Side
    price: Decimal
    size: Decimal
    happened_at: datetime
    seen_at: datetime
    source: TradeSource
    kind: TradeKind = TradeKind.TRADE
    trade_sizes: tuple[Decimal, ...] = ()
    trace: TraceContext = Field(default_factory=TraceContext)

    @classmethod
    def of(cls, signal: Signal, trace: TraceContext) -> "SignalMessage":
        """Return the message for a signal."""
        return cls(
            key=signal.key,
            trade_keys=signal.trade_keys,
            whale=signal.whale,
            token_id=signal.token_id,
            condition_id=signal.condition_id,
            side=signal.side,
            price=signal.price,
            size=signal.size,
            happened_at=signal.happened_at,
            seen_at=signal.seen_at,
            source=signal.source,
            kind=signal.kind,
            trade_sizes=signal.trade_sizes if len(signal.trade_keys) > 1 else (),
            trace=trace,
        )

    def signal(self) -> Signal:
        """Return the signal."""
        return Signal(
            key=self.key,
            trade_keys=self.trade_keys,
            whale=self.whale,
            token_id=self.token_id,
            condition_id=self.condition_id,
            side=self.side,
            price=self.price,
            size=self.size,
            happened_at=self.happened_at,
            seen_at=self.seen_at,
            source=self.source,
            kind=self.kind,
            trade_sizes=self.trade_sizes,
        )

    @model_serializer(mode="wrap")
    def _as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave sizes out that say nothing: versions without the field refuse a message that has it."""
        written: dict[str, Any] = write(self)
        if not self.trade_sizes:
            written.pop("trade_sizes", None)
        return written

    def beyond(self, known: Collection[str]) -> "SignalMessage | None":
        """Return what it tells besides the `known` trades, None when that is nothing; see :class:`Signal`."""
        fresh = self.signal().beyond(known)
        if fresh is None or len(fresh.trade_keys) == len(self.trade_keys):
            return None if fresh is None else self
        return SignalMessage.of(fresh, self.trace)


class PositionInput(News):
    """Start of a position: the trade that caused it, or, for an adopted orphan, its row.

    `more` are purchases that reached a run which ended without them, handed on by continue-as-new.
    """

    account: AccountId
    mode: str
    clock: ClockMessage
    first: SignalMessage
    adopt_position_id: str | None = None
    more: tuple[SignalMessage, ...] = ()


class PriceCrossed(News):
    """Signal `price_crossed`: the watcher saw the executable price beyond a threshold."""

    position_id: str
    kind: CrossingKind
    executable_price: Decimal
    updates: int
    seen_at: datetime
    trace: TraceContext = Field(default_factory=TraceContext)


class OrderChanged(News):
    """Signal `order_changed`: the user channel said something about one of our orders; look it up."""

    digest: OrderDigest
    seen_at: datetime


class MarketChanged(News):
    """Signal `market_changed`: acceptance or resolution of the market changed."""

    condition_id: ConditionId
    accepting_orders: bool
    closed: bool
    resolution: ResolutionStatus
    seen_at: datetime


class Reduce(News):
    """Signal `reduce`: sell a share of the holding, all of it at 1, for the desk or an operator.

    Delivered again with the same `key`, it is dropped; without one it never is.
    """

    share: Decimal = Field(gt=0, le=1)
    reason: ExitReason
    by: str
    key: str = ""


class CloseRequest(Message):
    """Update `close`: leave the position now."""

    by: str
    reason: str = ""


class AdjustExitsRequest(Message):
    """Update `adjust_exits`: new absolute thresholds; None leaves one as it is."""

    stop_price: Decimal | None = Field(default=None, gt=0, lt=1)
    target_price: Decimal | None = Field(default=None, gt=0, le=1)
    by: str


class Resolution(StrEnum):
    """What an operator found out about an order nobody could look up."""

    FILLED = "filled"
    NONE = "none"


class ResolveUnknownRequest(Message):
    """Update `resolve_unknown`: an operator settles an order whose state could not be found."""

    digest: OrderDigest
    outcome: Resolution
    shares: Decimal = Field(default=Decimal(0), ge=0)
    price: Decimal | None = Field(default=None, gt=0, lt=1)
    fee: Decimal = Field(default=Decimal(0), ge=0)
    by: str


class PositionSnapshot(Message):
    """Query `state`, and the answer to every update; `orders` are the digests of all its orders so far."""

    position_id: str | None
    workflow_id: str
    account: AccountId
    whale: WalletAddress
    token_id: TokenId
    condition_id: ConditionId
    question: str = ""
    outcome: str = ""
    state: PositionState
    skip_reason: SkipReason | None = None
    exit_reason: ExitReason | None = None
    unproven: bool = False
    shares: Decimal = Decimal(0)
    average_price: Decimal | None = None
    cost: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    proceeds: Decimal = Decimal(0)
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    exit_at: datetime | None = None
    attention: str | None = None
    orders: tuple[OrderDigest, ...] = ()


class PositionResult(Message):
    """How a position ended."""

    position_id: str | None
    state: PositionState
    skip_reason: SkipReason | None = None
    exit_reason: ExitReason | None = None
    realised_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
