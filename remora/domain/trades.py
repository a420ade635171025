"""A whale's fills as they reach us, and the signals made of them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.money import Side


class TradeSource(StrEnum):
    """Where a trade was seen."""

    RTDS = "rtds"
    DATA_API = "data_api"
    CHAIN = "chain"
    RECORDED = "recorded"


class TradeKind(StrEnum):
    """What the whale did; everything but a trade changes its holding without a market order."""

    TRADE = "trade"
    MERGE = "merge"
    SPLIT = "split"
    CONVERSION = "conversion"
    REDEEM = "redeem"
    TRANSFER = "transfer"
    REORG = "reorg"
    """The chain took a purchase back that we may have copied: it counts as the whale's exit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleTrade:
    """One fill of a followed wallet.

    `key` is the same however often and from wherever the trade is delivered: see
    :func:`remora.domain.trade_key.trade_key`. `row` tells the rows apart that one source makes of it. A change of
    holding that concerns both outcomes has no token when its source does not name one. `happened_at` is venue
    time; `seen_at` is the wall clock at the first byte.
    """

    key: str
    whale: WalletAddress
    token_id: TokenId
    condition_id: ConditionId
    side: Side
    price: Decimal
    size: Decimal
    happened_at: datetime
    seen_at: datetime
    source: TradeSource
    transaction_hash: str
    kind: TradeKind = TradeKind.TRADE
    row: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Trades of one whale in one token and on one side within a short window: one intent.

    `price` is the size-weighted mean, `size` the sum, `seen_at` and `happened_at` the earliest.
    `key` is the smallest key among `trade_keys`; every key is consumed by the decision. `trade_sizes` belong to
    `trade_keys` one by one, in shares; empty where nobody knew them.
    """

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

    def beyond(self, known: Collection[str]) -> "Signal | None":
        """Return what it tells besides the `known` trades; None when that is nothing.

        Two watchers may part the same trades differently. Price and times stay those of the whole, and so does
        the size where nobody knows what each trade has of it.
        """
        fresh = [number for number, key in enumerate(self.trade_keys) if key not in known]
        if not fresh:
            return None
        if len(fresh) == len(self.trade_keys):
            return self
        keys = tuple(self.trade_keys[number] for number in fresh)
        if len(self.trade_sizes) != len(self.trade_keys):
            return replace(self, key=keys[0], trade_keys=keys)
        sizes = tuple(self.trade_sizes[number] for number in fresh)
        return replace(self, key=keys[0], trade_keys=keys, trade_sizes=sizes, size=sum(sizes, Decimal(0)))
