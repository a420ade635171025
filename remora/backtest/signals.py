"""Whales' rows of a tape as the signals that the live watcher would have made of them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import BUY, MERGE, Listing, Prints, instant
from remora.backtest.track import decimal
from remora.domain.aggregate import aggregate
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import ZERO, Side, micros
from remora.domain.trades import Signal, TradeKind, TradeSource, WhaleTrade


@dataclass(slots=True, eq=False, kw_only=True)
class Seed:
    """A signal before anybody saw it: `seen_at` of `signal` is still the instant of the fill.

    `held` is what the whale held of the token before it, as far as its trades tell; None if it sold more than it
    was seen to buy. `held_opposite` is the same of the other outcome. The signal itself is made when it is first
    asked for: most sales concern nothing that we hold.
    """

    at: float
    market: int
    outcome: int
    whale: WalletAddress
    listing: Listing
    side: Side
    kind: TradeKind
    fills: Sequence[tuple[int, float, float]]
    held: float | None
    held_opposite: float | None
    made: Signal | None = None
    summed: Decimal | None = None
    counted: int | None = None

    @property
    def token_id(self) -> TokenId:
        """Return the token that was traded."""
        return TokenId(f"{self.listing.key}:{self.outcome}")

    @property
    def size(self) -> Decimal:
        """Return the shares traded."""
        if self.summed is None:
            self.summed = sum((decimal(size) for _, _, size in self.fills), ZERO)
        return self.summed

    @property
    def micros(self) -> int:
        """Return the shares traded, in millionths."""
        if self.counted is None:
            self.counted = micros(self.size)
        return self.counted

    @property
    def holding(self) -> Decimal | None:
        """Return what the whale held of the token before."""
        return None if self.held is None else decimal(round(self.held, 6))

    @property
    def opposite_holding(self) -> Decimal | None:
        """Return what the whale held of the other outcome."""
        return None if self.held_opposite is None else decimal(round(self.held_opposite, 6))

    @property
    def signal(self) -> Signal:
        """Return the fills as the live aggregation makes one intent of them."""
        if self.made is None:
            self.made = aggregate(self._trades())
        return self.made

    def _trades(self) -> list[WhaleTrade]:
        happened, traded = instant(self.at), self.kind is TradeKind.TRADE
        return [
            WhaleTrade(
                key=f"{row:012d}:{self.outcome}",
                whale=self.whale,
                token_id=self.token_id,
                condition_id=ConditionId(self.listing.key),
                side=self.side,
                price=decimal(price) if traded else ZERO,
                size=decimal(size),
                happened_at=happened,
                seen_at=happened,
                source=TradeSource.RECORDED,
                transaction_hash="",
                kind=self.kind,
            )
            for row, price, size in self.fills
        ]


@dataclass(slots=True)
class SignalReader:
    """Reads batches in order of time and remembers what each followed wallet holds."""

    wallets: Sequence[str]
    listings: Sequence[Listing]
    followed: Collection[int]
    _held: dict[tuple[int, int, int], float] = field(default_factory=dict)
    _short: set[tuple[int, int, int]] = field(default_factory=set)
    _row: int = 0

    def read(self, prints: Prints, places: NDArray[np.int64] | None = None) -> list[Seed]:
        """Return the signals of a batch, in order of time; fills of one second are one signal.

        `places` numbers the rows in the whole recording, where they are not all of it.
        """
        mine = np.flatnonzero(np.isin(prints.wallet, np.fromiter(self.followed, dtype=np.int32)))
        first, self._row = self._row, self._row + len(prints)
        seeds: list[Seed] = []
        for burst in _bursts(prints.take(mine), first + mine if places is None else places[mine]):
            seeds += self._seeds(burst)
        return seeds

    def _seeds(self, burst: "_Burst") -> Iterator[Seed]:
        if burst.merge:
            for outcome in (0, 1):
                yield self._seed(burst, outcome, Side.SELL, TradeKind.MERGE)
        else:
            side = Side.BUY if burst.side == BUY else Side.SELL
            yield self._seed(burst, burst.outcome, side, TradeKind.TRADE)

    def _seed(self, burst: "_Burst", outcome: int, side: Side, kind: TradeKind) -> Seed:
        held = self._move((burst.wallet, burst.market, outcome), side, sum(size for _, _, size in burst.rows))
        return Seed(
            at=burst.at,
            market=burst.market,
            outcome=outcome,
            whale=WalletAddress(self.wallets[burst.wallet]),
            listing=self.listings[burst.market],
            side=side,
            kind=kind,
            fills=burst.rows,
            held=held,
            held_opposite=self._holding((burst.wallet, burst.market, 1 - outcome)),
        )

    def _holding(self, key: tuple[int, int, int]) -> float | None:
        return None if key in self._short else self._held.get(key, 0.0)

    def _move(self, key: tuple[int, int, int], side: Side, size: float) -> float | None:
        known, before = self._holding(key), self._held.get(key, 0.0)
        after = before + size if side is Side.BUY else before - size
        if after < -0.01 * size - 0.01:
            self._short.add(key)  # it had shares that we never saw it get
        self._held[key] = max(0.0, after)
        return None if key in self._short else known


@dataclass(slots=True)
class _Burst:
    at: float
    wallet: int
    market: int
    outcome: int
    side: int
    merge: bool
    rows: list[tuple[int, float, float]]


def _bursts(prints: Prints, numbers: NDArray[np.int64]) -> list[_Burst]:
    """Return what each wallet did in one token on one side within one second, in order of time."""
    found: dict[tuple[float, int, int, int, int, bool], _Burst] = {}
    columns = (prints.at, prints.wallet, prints.market, prints.outcome, prints.side, prints.kind, prints.price)
    rows = zip(numbers.tolist(), *(column.tolist() for column in (*columns, prints.size)), strict=True)
    for row, at, wallet, market, outcome, side, kind, price, size in rows:
        merge = kind == MERGE
        key = (at, wallet, market, outcome, side, merge)
        if key not in found:
            found[key] = _Burst(at, wallet, market, outcome, side, merge, [])
        found[key].rows.append((row, price, size))
    return list(found.values())
