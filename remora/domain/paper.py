"""A paper account: real markets and books, imagined money."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId
from remora.domain.market import Market
from remora.domain.money import ONE, ZERO, Side
from remora.domain.orders import Fill, FillStatus, OrderRequest


class PaperState(StrEnum):
    """Whether more of a paper order can fill."""

    LIVE = "live"
    DONE = "done"
    CANCELLED = "cancelled"
    DELAYED = "delayed"


WAITING = frozenset({PaperState.LIVE, PaperState.DELAYED})
"""States in which an order may still fill, and holds what that would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """An order that the paper venue took. `latency` is how long it was on the way to the book, as measured.

    A delayed one meets the book of `due_at`: markets may hold back whoever takes.
    """

    digest: OrderDigest
    request: OrderRequest
    state: PaperState
    rest: Decimal
    latency: timedelta
    placed_at: datetime
    due_at: datetime | None = None

    def filled(self, shares: Decimal) -> "PaperOrder":
        """Return the order after `shares` of its rest filled."""
        rest = self.rest - shares
        return replace(self, rest=rest, state=PaperState.LIVE if rest > 0 else PaperState.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFill:
    """A fill and the wall-clock instant from which its settlement is counted.

    `fails`: its settlement will fail; `undone`: it did, and money and shares are back where they were.
    """

    fill: Fill
    wall_at: datetime
    fails: bool = False
    undone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperHolding:
    """Shares of one token on a paper account."""

    token_id: TokenId
    condition_id: ConditionId
    shares: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSide:
    """One side of a market's one logical book, named by the first outcome.

    A bid for one outcome at p is an offer of the other at 1 - p: shares taken on one are gone on the other.
    """

    condition_id: ConditionId
    asks: bool
    mirrored: bool

    def price(self, price: Decimal) -> Decimal:
        """Return a token's price as the first outcome's, or back."""
        return ONE - price if self.mirrored else price


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How long a fill takes on its way to final, in wall time, and which share of fills never gets there."""

    mined_after: timedelta = timedelta(seconds=2)
    confirmed_after: timedelta = timedelta(seconds=5)
    failed_share: Decimal = ZERO

    def status(self, row: PaperFill, now: datetime) -> FillStatus:
        """Return where a fill stands now."""
        if row.undone:
            return FillStatus.FAILED
        age = now - row.wall_at
        if age >= self.confirmed_after and not row.fails:
            return FillStatus.CONFIRMED
        return FillStatus.MINED if age >= self.mined_after else FillStatus.MATCHED

    def fails(self, trade_id: str) -> bool:
        """Tell whether a fill's settlement will fail: the same answer for the same fill, always."""
        drawn = int.from_bytes(hashlib.sha256(f"settles:{trade_id}".encode()).digest()[:4], "big")
        return drawn < self.failed_share * 2**32


def paper_account(wallet: str, *, books: str = "paper") -> AccountId:
    """Return the id of the paper account beside a wallet: another than the wallet's own, whose desk is live.

    `books` says on whose markets: what was tried on a twin's must not go on in production's.
    """
    return AccountId("0x" + hashlib.sha256(f"{books}:{wallet.lower()}".encode()).hexdigest()[:40])


def met_side(market: Market, token_id: TokenId, side: Side) -> BookSide:
    """Return the side of the market's book that an order on `side` of `token_id` meets."""
    second = market.outcome_index(token_id) == 1
    return BookSide(condition_id=market.condition_id, asks=(side is Side.BUY) != second, mirrored=second)


def held_by_orders(orders: list[PaperOrder], token_id: TokenId) -> tuple[Decimal, Decimal]:
    """Return the dollars that waiting purchases hold, and the shares of a token that waiting sales hold."""
    dollars = shares = ZERO
    for order in orders:
        if order.state not in WAITING:
            continue
        if order.request.side is Side.BUY:
            dollars += order.rest * order.request.limit_price
        elif order.request.token_id == token_id:
            shares += order.rest
    return dollars, shares
