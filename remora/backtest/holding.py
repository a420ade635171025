"""One copied position of a replay: books, thresholds, and every dollar that moved."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from remora.domain.exits import CrossingMonitor, Thresholds
from remora.domain.ids import WalletAddress
from remora.domain.money import ONE, ZERO
from remora.domain.pnl import PositionBooks
from remora.domain.reasons import ExitReason

EMPTY = PositionBooks()

Key = tuple[str, str]
"""Whale and token: one position each, as live."""


class Flow(NamedTuple):
    """At `at`, `dollars` came in (or, below 0, went out) and `shares` were held afterwards."""

    at: float
    dollars: float
    shares: float


@dataclass(slots=True)
class Group:
    """Dollars committed to one market, event, whale or token, and how many positions carry them."""

    committed: Decimal = ZERO
    members: int = 0


@dataclass(slots=True, kw_only=True)
class Holding:
    """A position from its approval to its end. Times are seconds since 1970; `market` is a code.

    `shares` is what is held now and `cost` what it cost, `reserved` what its entry orders may still spend,
    `forecast` the chance of the outcome that the decision assumed. `confirming` says that a crossing waits for a
    fresh book; `owed` is the share that is still to be sold of what is held, `owed_for` why.
    """

    number: int
    whale: WalletAddress
    token: str
    condition: str
    market: int
    outcome: int
    event: str
    approved_at: float
    whale_price: Decimal
    unproven: bool
    edge: Decimal
    forecast: Decimal
    spread: Decimal = ZERO
    reserved: Decimal = ZERO
    books: PositionBooks = EMPTY
    shares: Decimal = ZERO
    cost: Decimal = ZERO
    committed: Decimal = ZERO
    groups: tuple[Group, ...] = ()
    mark: Decimal | None = None
    value: Decimal = ZERO
    flows: list[Flow] = field(default_factory=list)
    bounds: Thresholds | None = None
    monitor: CrossingMonitor | None = None
    watched_to: float = 0.0
    version: int = 0
    leaving: ExitReason | None = None
    exit_reason: ExitReason | None = None
    ended_at: float | None = None
    pending: int = 0
    confirming: bool = False
    owed: Decimal = ZERO
    owed_for: ExitReason = ExitReason.WHALE_EXIT

    @property
    def key(self) -> Key:
        """Return whale and token."""
        return self.whale, self.token

    def fill(self, shares: Decimal, price: Decimal, fee: Decimal, *, buying: bool, at: float) -> None:
        """Book one execution; `fee` comes on top of a purchase and out of a sale."""
        notional = shares * price
        change = self.books.bought if buying else self.books.sold
        self.books = change(shares, notional, fee)
        self._moved(at, -notional - fee if buying else notional - fee)

    def owe(self, share: Decimal, reason: ExitReason) -> None:
        """Add a share of what is held to what is to be sold."""
        self.owed = share if self.owed == 0 else ONE - (ONE - self.owed) * (ONE - share)
        self.owed_for = reason

    def redeem(self, paid: Decimal, at: float) -> None:
        """Book the payout of everything held."""
        self.books = self.books.redeemed(self.books.shares, paid)
        self._moved(at, paid)

    def _moved(self, at: float, dollars: Decimal) -> None:
        self.shares, self.cost = self.books.shares, self.books.cost
        self.flows.append(Flow(at, float(dollars), float(self.shares)))

    @property
    def pnl(self) -> Decimal:
        """Return what was gained so far, what is held counted at its last mark, fees taken off."""
        return self.books.realised_pnl + self.value - self.books.cost
