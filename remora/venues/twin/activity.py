"""What everybody can see everybody do: one append-only record of fills, merges, splits and redemptions."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from remora.domain.ids import ConditionId, WalletAddress
from remora.domain.money import ZERO, Side
from remora.domain.trades import TradeKind


@dataclass(frozen=True, slots=True)
class Settled:
    """What the exchange knows exactly about one of its own fills: the order, and millionths of a dollar."""

    digest: str
    dollars: int
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One thing a wallet did; `outcome_index` and `side` are None where both outcomes are concerned.

    `taker` tells the side that crossed the book; makers' rows are hidden from reads with `taker_only`.
    """

    sequence: int
    at: datetime
    known_at: datetime
    wallet: WalletAddress
    condition_id: ConditionId
    kind: TradeKind
    outcome_index: int | None
    side: Side | None
    price: Decimal
    size: Decimal
    usd: Decimal
    transaction_hash: str
    taker: bool = True
    settled: Settled | None = None


@dataclass(slots=True)
class HeldPosition:
    """A wallet's holding of one outcome, as the public record adds up; money is in dollars."""

    shares: Decimal = ZERO
    cost: Decimal = ZERO
    bought_shares: Decimal = ZERO
    bought_cost: Decimal = ZERO
    realized: Decimal = ZERO
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def average(self) -> Decimal:
        """Mean price of what is held, or of all purchases once nothing is."""
        if self.shares > 0:
            return self.cost / self.shares
        return self.bought_cost / self.bought_shares if self.bought_shares > 0 else ZERO

    def add(self, at: datetime, shares: Decimal, cost: Decimal) -> None:
        """Book a purchase or a split."""
        self.first_at = self.first_at or at
        self.last_at = at
        self.shares += shares
        self.cost += cost
        self.bought_shares += shares
        self.bought_cost += cost

    def remove(self, at: datetime, shares: Decimal, proceeds: Decimal) -> None:
        """Book a sale, merge or redemption; more than is held (a record that starts late) empties it."""
        self.last_at = at
        gone = min(shares, self.shares)
        cost = self.cost * gone / self.shares if self.shares > 0 else ZERO
        self.shares -= gone
        self.cost -= cost
        self.realized += proceeds - cost


@dataclass(slots=True)
class PublicRecord:
    """Activity in the order it happened; a read sees what was known by its instant."""

    rows: list[Activity] = field(default_factory=list)
    by_wallet: dict[WalletAddress, list[Activity]] = field(default_factory=lambda: defaultdict(list))
    by_condition: dict[ConditionId, list[Activity]] = field(default_factory=lambda: defaultdict(list))
    positions: dict[WalletAddress, dict[tuple[ConditionId, int], HeldPosition]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _pending: deque[Activity] = field(default_factory=deque)
    _next: int = 1

    def number(self) -> int:
        """Return the next sequence number."""
        number, self._next = self._next, self._next + 1
        return number

    def append(self, activity: Activity) -> None:
        """Take in what just happened; it shows once venue time reaches its `known_at`."""
        self._pending.append(activity)

    def settle(self, now: datetime) -> None:
        """Make everything known by venue time `now` readable."""
        while self._pending and self._pending[0].known_at <= now:
            activity = self._pending.popleft()
            self.rows.append(activity)
            self.by_wallet[activity.wallet].append(activity)
            self.by_condition[activity.condition_id].append(activity)
            self._book(activity)

    def retract(self, transaction_hash: str) -> int:
        """Forget what a transaction did that the chain took back; return how many rows there were."""
        gone = [row for row in (*self.rows, *self._pending) if row.transaction_hash == transaction_hash]
        if not gone:
            return 0
        self._pending = deque(row for row in self._pending if row.transaction_hash != transaction_hash)
        self.rows = [row for row in self.rows if row.transaction_hash != transaction_hash]
        for condition in {row.condition_id for row in gone}:
            kept = [row for row in self.by_condition[condition] if row.transaction_hash != transaction_hash]
            self.by_condition[condition] = kept
        for wallet in {row.wallet for row in gone}:
            mine = [row for row in self.by_wallet[wallet] if row.transaction_hash != transaction_hash]
            self.by_wallet[wallet], self.positions[wallet] = mine, {}
            for row in mine:
                self._book(row)
        return len(gone)

    def wallets(self) -> Iterator[WalletAddress]:
        """Iterate over every wallet that ever did anything."""
        return iter(self.by_wallet)

    def of(self, wallet: str) -> Sequence[Activity]:
        """Return a wallet's visible activity, oldest first."""
        return self.by_wallet.get(WalletAddress(wallet.lower()), ())

    def holding(self, wallet: WalletAddress, condition: ConditionId, index: int) -> HeldPosition:
        """Return a wallet's position in an outcome, made empty if there was none."""
        return self.positions[wallet].setdefault((condition, index), HeldPosition())

    def _book(self, activity: Activity) -> None:
        at, condition, wallet = activity.at, activity.condition_id, activity.wallet
        moves = activity.kind in (TradeKind.TRADE, TradeKind.TRANSFER)
        if moves and activity.outcome_index is not None:
            held = self.holding(wallet, condition, activity.outcome_index)
            if activity.side is Side.BUY:
                held.add(at, activity.size, activity.usd)
            else:
                held.remove(at, activity.size, activity.usd)
            return
        if activity.outcome_index is not None:
            self.holding(wallet, condition, activity.outcome_index).remove(at, activity.size, activity.usd)
            return
        for index in (0, 1):
            held = self.holding(wallet, condition, index)
            if activity.kind is TradeKind.SPLIT:
                held.add(at, activity.size, activity.usd / 2)
            else:
                held.remove(at, activity.size, activity.usd / 2)
