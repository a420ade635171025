"""What is replayed: markets, prints in order of time, and what became known when."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from remora.domain.market import MarketClass
from remora.domain.money import ONE, ZERO

if TYPE_CHECKING:
    from remora.backtest.recorded_books import Snapshots

NEVER = math.inf
TRADE, QUOTE, MERGE = 0, 1, 2
"""Kinds of rows: a fill, a move of the resting orders without one, pairs of both outcomes turned into dollars."""

BUY, SELL = 1, -1

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
Small = NDArray[np.int8]


def instant(seconds: float) -> datetime:
    """Return seconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is known of one market. Times are seconds since 1970, `NEVER` where nothing happened.

    `end_at` is the scheduled end as it was listed, `end_source` where that was found; a market whose end is not
    known has none, and the decision core refuses it. `cluster` groups what one piece of news moves.
    """

    key: str
    question: str
    slug: str
    event: str
    cluster: str
    category: str
    market_class: MarketClass
    labels: tuple[str, str] = ("Yes", "No")
    fee_rate: Decimal = ZERO
    fee_exponent: int = 1
    min_order_size: Decimal = Decimal(5)
    neg_risk: bool = False
    listed_at: float
    end_at: float | None
    end_source: str
    fine_tick_at: float = NEVER
    proposed_at: float = NEVER
    closed_at: float = NEVER
    resolved_at: float = NEVER
    payouts: tuple[Decimal, Decimal] | None = None

    def until(self, at: float) -> Self:
        """Return the listing as it was known at `at`."""
        later: dict[str, Any] = {
            name: NEVER
            for name in ("fine_tick_at", "proposed_at", "closed_at", "resolved_at")
            if getattr(self, name) > at
        }
        return replace(self, **later, payouts=None if self.resolved_at > at else self.payouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """Rows in order of time. `wallet` is -1 for quotes; `price` is dollars per share of `outcome`."""

    at: Floats
    wallet: Integers
    market: Integers
    outcome: Small
    side: Small
    price: Floats
    size: Floats
    kind: Small

    def __len__(self) -> int:
        return self.at.size

    def take(self, chosen: Any) -> "Prints":
        """Return the rows that `chosen` (a mask, slice or indices) picks."""
        return Prints(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @classmethod
    def join(cls, parts: Sequence["Prints"]) -> "Prints":
        """Return the rows of all parts, one part after the other."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    @classmethod
    def empty(cls) -> "Prints":
        """Return no rows."""
        kinds = {"at": "f8", "wallet": "i4", "market": "i4", "outcome": "i1", "side": "i1", "price": "f8"}
        kinds |= {"size": "f8", "kind": "i1"}
        return cls(**{name: np.zeros(0, kind) for name, kind in kinds.items()})


@dataclass(frozen=True, kw_only=True)
class History:
    """A recording: codes in `prints` are places in `wallets` and `listings`.

    `rejected` counts rows that were kept out, by reason; `notices` are sentences that every report carries;
    `doubtful` are the markets with rows that equal others in everything recorded: one fill told twice, perhaps.
    `books` are the recorded resting orders by market; each snapshot is a row of `prints` too.
    """

    name: str
    wallets: Sequence[str]
    listings: Sequence[Listing]
    prints: Prints
    rejected: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    history_complete: bool = True
    doubtful: frozenset[int] = frozenset()
    books: Mapping[int, "Snapshots"] = field(default_factory=dict)

    @cached_property
    def codes(self) -> Mapping[str, int]:
        """Return the code of each wallet."""
        return {wallet: code for code, wallet in enumerate(self.wallets)}

    @cached_property
    def fingerprint(self) -> str:
        """Return a digest of every row and fact: equal data, equal numbers."""
        digest = self._digest_of_rows()
        digest.update(repr(tuple(self.listings)).encode())
        for code, snapshots in sorted(self.books.items()):
            digest.update(f"books {code}".encode() + snapshots.digest())
        return digest.hexdigest()[:16]

    @cached_property
    def recording(self) -> str:
        """Return a digest of what traded, whatever is known or assumed of the markets beside it.

        Trials are counted by it: another assumed end, or a table of markets more, is another try on the same data.
        """
        digest = self._digest_of_rows()
        digest.update(repr([listing.key for listing in self.listings]).encode())
        return digest.hexdigest()[:16]

    def _digest_of_rows(self) -> "hashlib._Hash":
        digest = hashlib.sha256()
        prints = self.prints.take(self.prints.kind != QUOTE)
        for f in fields(prints):
            digest.update(np.ascontiguousarray(getattr(prints, f.name)).tobytes())
        digest.update(repr(tuple(self.wallets)).encode())
        return digest

    @property
    def span(self) -> tuple[float, float]:
        """Return the times of the first and the last row."""
        return float(self.prints.at[0]), float(self.prints.at[-1])

    def until(self, at: float) -> "History":
        """Return the recording as it stood at `at`: nothing later is left in it."""
        return replace(
            self,
            prints=self.prints.take(slice(0, int(self.prints.at.searchsorted(at, "right")))),
            listings=[listing.until(at) for listing in self.listings],
        )

    def before(self, at: float) -> "History":
        """Return the recording without the rows from `at` on; what is known of its markets stays."""
        return replace(self, prints=self.prints.take(slice(0, int(self.prints.at.searchsorted(at, "left")))))


def winner_payouts(winner: int) -> tuple[Decimal, Decimal]:
    """Return dollars per share of both outcomes when outcome `winner` came true."""
    return (ONE, ZERO) if winner == 0 else (ZERO, ONE)
