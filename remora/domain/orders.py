"""Our instructions to the venue and what came of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from remora.domain.ids import ConditionId, OrderDigest, TokenId
from remora.domain.money import ZERO, Side

CENT = Decimal("0.01")


class OrderType(StrEnum):
    """Time in force, in the venue's words."""

    GTC = "GTC"
    GTD = "GTD"
    FAK = "FAK"
    FOK = "FOK"


RESTING = (OrderType.GTC, OrderType.GTD)
"""What stays in the book until it fills, is cancelled, or the venue no longer hears from us."""


class Purpose(StrEnum):
    """Why an order exists: an entry may be refused by a limit, an exit never."""

    ENTRY = "entry"
    EXIT = "exit"


class OrderState(StrEnum):
    """Where an order stands.

    `intent` is written by the risk transaction, `signed` before the wire, `unknown` after a lost reply.
    `done` means nothing more can fill.
    """

    INTENT = "intent"
    SIGNED = "signed"
    UNKNOWN = "unknown"
    LIVE = "live"
    DONE = "done"
    REJECTED = "rejected"
    NEEDS_ATTENTION = "needs_attention"


class FillStatus(StrEnum):
    """Settlement of one fill: provisional at MATCHED, final at CONFIRMED, undone at FAILED."""

    MATCHED = "MATCHED"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether the status can still change."""
        return self in (FillStatus.CONFIRMED, FillStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What we want: immediate-or-cancel at a protected price unless said otherwise.

    A market purchase (BUY with FAK or FOK) is denominated in dollars on this venue: `notional` is the most it
    spends before the fee, in whole cents, and `shares` what that buys at the limit. Every other order is
    denominated in `shares`, with two decimals, and has no notional. A GTD order, and no other, has an
    `expires_at` (wall time): from then on it does not rest any more.
    """

    token_id: TokenId
    condition_id: ConditionId
    side: Side
    shares: Decimal
    limit_price: Decimal
    notional: Decimal | None = None
    order_type: OrderType = OrderType.FAK
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """A signed order as it goes over the wire: persisted before it is sent, re-sent byte for byte.

    `payload` is the exact JSON body of ``POST /order`` without credentials.
    """

    digest: OrderDigest
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of our order, from our side of it.

    `fee` is in dollars, on top of the notional for a purchase and out of it for a sale.
    """

    trade_id: str
    order_digest: OrderDigest
    token_id: TokenId
    side: Side
    shares: Decimal
    price: Decimal
    fee: Decimal
    status: FillStatus
    matched_at: datetime
    transaction_hash: str


def wholly_filled(request: OrderRequest, fills: Iterable[Fill]) -> bool:
    """Whether nothing more of an order can fill, whatever a venue that contradicts itself says besides.

    A market purchase is whole once less than a cent of its dollars is left: rounding may keep that.
    """
    known = list(fills)
    if request.notional is not None:
        return request.notional - sum((fill.shares * fill.price for fill in known), ZERO) < CENT
    return sum((fill.shares for fill in known), ZERO) >= request.shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The venue took the order; `matched` shares filled at once, `live` says whether it still rests."""

    digest: OrderDigest
    live: bool
    delayed: bool
    matched_shares: Decimal
    matched_notional: Decimal
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The venue refused the order for certain: it can never fill."""

    digest: OrderDigest
    code: str
    message: str


VENUE_MODES = frozenset({"venue_restarting", "post_only_mode", "cancel_only_mode"})
"""Codes of refusals that say nothing about the order: the venue takes none for a while."""


INCONCLUSIVE_ON_RESEND = VENUE_MODES | {"not_enough_balance"}
"""Codes of refusals that say nothing about the first sending of the same bytes: the venue takes no orders for a
while, or what the order needs is what it has spent already."""


UNMATCHED = "unmatched"
"""Code of an order that the venue took, held back for a while, and could not match then."""


PASSING = frozenset(
    {"fak_not_filled", "fok_not_filled", "tick_size", "below_minimum", "market_not_ready", UNMATCHED}
)
"""Codes of refusals that a later try on a fresh book may not meet; any other one needs a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody knows whether the order arrived: never re-sign, look the digest up."""

    digest: OrderDigest
    cause: str


SendOutcome = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLookup:
    """What the venue's order and trade lists say about one digest.

    `found` is False when neither list knows it, which shortly after a lost reply may only be lag.
    """

    digest: OrderDigest
    found: bool
    live: bool
    fills: tuple[Fill, ...]
