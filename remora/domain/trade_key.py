"""One name for one trade, whoever delivers it and however often."""

from collections.abc import Iterable

from remora.domain.money import Side
from remora.domain.trades import TradeKind


def trade_key(
    *,
    transaction_hash: str,
    whale: str,
    token_id: str,
    side: Side,
    kind: TradeKind = TradeKind.TRADE,
) -> str:
    """Return the identity of a trade: everything a wallet did with one token, on one side, in one transaction.

    Sources cut the same transaction into different rows and round prices differently, so neither size nor price
    is part of the name; :mod:`remora.domain.confluence` adds the rows up. What is no trade has one name whatever
    a source calls it: where the chain shows shares that leave, the Data API says merge or redemption.
    """
    name = kind.value if kind in (TradeKind.TRADE, TradeKind.REORG) else "change"
    return ":".join((name, transaction_hash.lower(), whale.lower(), str(token_id), side.value))


def names_transaction(keys: Iterable[str], transaction_hash: str) -> bool:
    """Tell whether one of the trades under `keys` was made in a transaction."""
    return any(key.split(":")[1:2] == [transaction_hash.lower()] for key in keys)
