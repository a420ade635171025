"""Order books: pure values, best price first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from remora.domain.ids import TokenId
from remora.domain.money import HIGHEST, MICRO, MOST, ZERO, Side


@dataclass(frozen=True, slots=True)
class Level:
    """All shares offered or wanted at one price."""

    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class Depth:
    """What a market order of some size would meet.

    `shares` can be less than asked for when the book is thin; `average` and `worst` are None when it is
    empty.
    """

    shares: Decimal
    notional: Decimal
    worst: Decimal | None

    @property
    def average(self) -> Decimal | None:
        """Size-weighted mean price, None when nothing would fill."""
        return None if self.shares == 0 else self.notional / self.shares


@dataclass(frozen=True, kw_only=True)
class OrderBook:
    """One token's book at one instant; both sides are ordered best price first.

    What follows from the levels is worked out once: a replay shows the same book to thousands of decisions.
    """

    token_id: TokenId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    as_of: datetime
    tick_size: Decimal
    last_trade_price: Decimal | None = None

    @property
    def best_bid(self) -> Decimal | None:
        """Highest price someone pays, None without bids."""
        return self.bids[0].price if self.bids else None

    @property
    def best_ask(self) -> Decimal | None:
        """Lowest price someone sells at, None without asks."""
        return self.asks[0].price if self.asks else None

    @cached_property
    def spread(self) -> Decimal | None:
        """Best ask less best bid in dollars, None when a side is empty."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return self.best_ask - self.best_bid

    @cached_property
    def sound(self) -> bool:
        """Whether every price and size can be computed with (see remora.domain.usable)."""
        levels = (*self.bids, *self.asks)
        prices, sizes = [level.price for level in levels], [level.size for level in levels]
        if not levels:
            return True
        return (
            all(map(Decimal.is_finite, (*prices, *sizes)))
            and min(prices) >= MICRO
            and max(prices) <= HIGHEST
            and min(sizes) >= ZERO
            and max(sizes) <= MOST
        )

    @cached_property
    def mid(self) -> Decimal | None:
        """Halfway between best bid and best ask, None when a side is empty."""
        if self.best_bid is None or self.best_ask is None:
            return None
        return (self.best_bid + self.best_ask) / 2

    def depth(self, side: Side, shares: Decimal, limit: Decimal | None = None) -> Depth:
        """Return what an order of `shares` on `side` would meet, no further than `limit`."""
        buying = side is Side.BUY
        left, notional, worst = shares, ZERO, None
        for level in self.asks if buying else self.bids:
            price = level.price
            if left <= 0 or (limit is not None and (price > limit if buying else price < limit)):
                break
            taken = min(left, level.size)
            left -= taken
            notional += taken * price
            worst = price
        return Depth(shares=shares - left, notional=notional, worst=worst)

    def elsewhere(self, token_id: TokenId, as_of: datetime) -> "OrderBook":
        """Return the same levels as another token's book or at another instant; what was worked out stays."""
        made = object.__new__(OrderBook)
        made.__dict__.update(self.__dict__, token_id=token_id, as_of=as_of)
        return made

    def with_level(self, side: Side, level: Level, as_of: datetime) -> "OrderBook":
        """Return the book with the total at one price replaced; a size of 0 removes the level."""
        if side is Side.BUY:
            return replace(self, bids=_replaced(self.bids, level, descending=True), as_of=as_of)
        return replace(self, asks=_replaced(self.asks, level, descending=False), as_of=as_of)


def _replaced(levels: Iterable[Level], new: Level, *, descending: bool) -> tuple[Level, ...]:
    kept = [level for level in levels if level.price != new.price]
    if new.size > 0:
        kept.append(new)
    return tuple(sorted(kept, key=lambda level: level.price, reverse=descending))
