"""Turn a burst of a whale's fills into one intent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from remora.domain.money import MICRO, ZERO, floor_to
from remora.domain.trades import Signal, WhaleTrade


def aggregate(trades: Sequence[WhaleTrade]) -> Signal:
    """Return the signal that `trades` make together; a row delivered twice counts once.

    Raises ValueError when there are none or when they differ in whale, token, side or kind.
    """
    unique = {(trade.key, trade.source, trade.row): trade for trade in reversed(trades)}
    if not unique:
        raise ValueError("a signal needs at least one trade")
    kept = [unique[key] for key in sorted(unique)]
    first = kept[0]
    intents = {(trade.whale, trade.token_id, trade.side, trade.kind) for trade in kept}
    if len(intents) > 1:
        raise ValueError(f"a signal is one whale, token, side and kind, found {len(intents)} combinations")
    earliest = min(kept, key=lambda trade: trade.seen_at)
    sizes: dict[str, Decimal] = {}
    for trade in kept:
        sizes[trade.key] = sizes.get(trade.key, ZERO) + trade.size
    size = sum(sizes.values(), ZERO)
    return Signal(
        key=first.key,
        trade_keys=tuple(sizes),
        trade_sizes=tuple(sizes.values()),
        whale=first.whale,
        token_id=first.token_id,
        condition_id=first.condition_id,
        side=first.side,
        price=_mean_price(kept, size),
        size=size,
        happened_at=min(trade.happened_at for trade in kept),
        seen_at=earliest.seen_at,
        source=earliest.source,
        kind=first.kind,
    )


def _mean_price(trades: Sequence[WhaleTrade], size: Decimal) -> Decimal:
    if len(trades) == 1 or size == 0:
        return trades[0].price
    notional = sum((trade.price * trade.size for trade in trades), ZERO)
    return floor_to(notional / size, MICRO)


def whole_trades(rows: Sequence[WhaleTrade]) -> list[WhaleTrade]:
    """Return one trade for each key among rows of one source, in the order of their first rows."""
    by_key: dict[str, list[WhaleTrade]] = {}
    for row in rows:
        by_key.setdefault(row.key, []).append(row)
    return [_whole(several) for several in by_key.values()]


def _whole(rows: Sequence[WhaleTrade]) -> WhaleTrade:
    size = sum((row.size for row in rows), ZERO)
    return replace(rows[0], size=size, price=_mean_price(rows, size), row="whole")
