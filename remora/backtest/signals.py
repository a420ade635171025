"""Whales' rows of a tape as the signals that the live watcher would have made of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import BUY, MERGE, Floats, Listing, Prints, instant
from remora.backtest.track import decimal, price_of
from remora.domain.aggregate import aggregate
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import ZERO, Side, from_micros, micros
from remora.domain.trades import Signal, TradeKind, TradeSource, WhaleTrade

Fill = tuple[int, float, float, int]
"""Number of the row in the recording, price, shares, and these in millionths."""

Burst = tuple[float, int, int, int, int, bool]
"""When, wallet, market, outcome, side, and whether it is a merge."""

Held = tuple[int, int, int]
"""Wallet, market, outcome."""

NEAR_HALF = 0.49
EXACT = 1e13
"""Up to here the float beside a number of millionths is off by less than what is left to a half."""


@dataclass(slots=True, eq=False, kw_only=True)
class Seed:
    """A signal before anybody saw it: `seen_at` of `signal` is still the instant of the fill.

    `held` is what the whale held of the token before it, as far as its trades tell; None if it sold more than it
    was seen to buy. `held_opposite` is the same of the other outcome. `micros` are the shares traded, in
    millionths. The signal itself is made when it is first asked for: most sales concern nothing that we hold.
    """

    at: float
    market: int
    outcome: int
    whale: WalletAddress
    listing: Listing
    side: Side
    kind: TradeKind
    fills: Sequence[Fill]
    micros: int
    held: float | None
    held_opposite: float | None
    made: Signal | None = None

    @property
    def token_id(self) -> TokenId:
        """Return the token that was traded."""
        return TokenId(f"{self.listing.key}:{self.outcome}")

    @property
    def size(self) -> Decimal:
        """Return the shares traded."""
        return from_micros(self.micros)

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
            self.made = self._alone(*self.fills[0][:2]) if len(self.fills) == 1 else aggregate(self._trades())
        return self.made

    def _alone(self, row: int, price: float) -> Signal:
        """Return what the aggregation makes of one fill."""
        key, happened = self._key(row), instant(self.at)
        return Signal(
            key=key,
            trade_keys=(key,),
            whale=self.whale,
            token_id=self.token_id,
            condition_id=ConditionId(self.listing.key),
            side=self.side,
            price=price_of(price) if self.kind is TradeKind.TRADE else ZERO,
            size=self.size,
            happened_at=happened,
            seen_at=happened,
            source=TradeSource.RECORDED,
            kind=self.kind,
        )

    def _key(self, row: int) -> str:
        return f"{row:012d}:{self.outcome}"

    def _trades(self) -> list[WhaleTrade]:
        happened, traded = instant(self.at), self.kind is TradeKind.TRADE
        return [
            WhaleTrade(
                key=self._key(row),
                whale=self.whale,
                token_id=self.token_id,
                condition_id=ConditionId(self.listing.key),
                side=self.side,
                price=price_of(price) if traded else ZERO,
                size=from_micros(millionths),
                happened_at=happened,
                seen_at=happened,
                source=TradeSource.RECORDED,
                transaction_hash="",
                kind=self.kind,
            )
            for row, price, _, millionths in self.fills
        ]


@dataclass(slots=True)
class SignalReader:
    """Reads batches in order of time and remembers what each followed wallet holds."""

    wallets: Sequence[str]
    listings: Sequence[Listing]
    followed: Collection[int]
    _held: dict[Held, float] = field(default_factory=dict)
    _short: set[Held] = field(default_factory=set)
    _row: int = 0

    def read(self, prints: Prints, places: NDArray[np.int64] | None = None) -> list[Seed]:
        """Return the signals of a batch, in order of time; fills of one second are one signal.

        `places` numbers the rows in the whole recording, where they are not all of it.
        """
        mine = np.flatnonzero(np.isin(prints.wallet, np.fromiter(self.followed, dtype=np.int32)))
        first, self._row = self._row, self._row + len(prints)
        bursts = _bursts(prints.take(mine), first + mine if places is None else places[mine])
        seeds: list[Seed] = []
        for (at, wallet, market, outcome, side, merge), rows in bursts.items():
            if merge:
                seeds += [self._seed(at, wallet, market, one, Side.SELL, TradeKind.MERGE, rows) for one in (0, 1)]
            else:
                way = Side.BUY if side == BUY else Side.SELL
                seeds.append(self._seed(at, wallet, market, outcome, way, TradeKind.TRADE, rows))
        return seeds

    def _seed(
        self, at: float, wallet: int, market: int, outcome: int, side: Side, kind: TradeKind, rows: list[Fill]
    ) -> Seed:
        if len(rows) == 1:
            _, _, shares, millionths = rows[0]
        else:
            shares, millionths = sum([row[2] for row in rows]), sum([row[3] for row in rows])
        held = self._move((wallet, market, outcome), side, shares)
        return Seed(
            at=at,
            market=market,
            outcome=outcome,
            whale=WalletAddress(self.wallets[wallet]),
            listing=self.listings[market],
            side=side,
            kind=kind,
            fills=rows,
            micros=millionths,
            held=held,
            held_opposite=self._holding((wallet, market, 1 - outcome)),
        )

    def _holding(self, key: Held) -> float | None:
        return None if key in self._short else self._held.get(key, 0.0)

    def _move(self, key: Held, side: Side, size: float) -> float | None:
        before = self._held.get(key, 0.0)
        after = before + size if side is Side.BUY else before - size
        if after < -0.01 * size - 0.01:
            self._short.add(key)  # it had shares that we never saw it get
        self._held[key] = max(0.0, after)
        return None if key in self._short else before


def _bursts(prints: Prints, numbers: NDArray[np.int64]) -> dict[Burst, list[Fill]]:
    """Return what each wallet did in one token on one side within one second, in order of time."""
    found: dict[Burst, list[Fill]] = {}
    columns = (prints.at, prints.wallet, prints.market, prints.outcome, prints.side, prints.kind == MERGE)
    bursts = zip(*(column.tolist() for column in columns), strict=True)
    rows = zip(numbers.tolist(), prints.price.tolist(), prints.size.tolist(), _micros(prints.size), strict=True)
    for burst, row in zip(bursts, rows, strict=True):
        found.setdefault(burst, []).append(row)
    return found


def _micros(sizes: Floats) -> list[int]:
    """Return sizes in millionths, as :func:`decimal` rounds them: all at once but for those near a half."""
    scaled = sizes * 1e6
    rounded = np.rint(scaled)
    found: list[int] = rounded.astype(np.int64).tolist()
    for place in np.flatnonzero(~(np.abs(scaled - rounded) < NEAR_HALF) | ~(scaled < EXACT)).tolist():
        found[place] = micros(decimal(sizes.item(place)))
    return found
