"""One name for one trade, whoever delivers it and however often."""

from decimal import Decimal

from remora.domain.money import Side
from remora.domain.trades import TradeKind


def trade_key(
    *,
    transaction_hash: str,
    whale: str,
    token_id: str,
    side: Side,
    size: Decimal,
    price: Decimal,
    kind: TradeKind = TradeKind.TRADE,
) -> str:
    """Return the identity of a trade.

    No source carries a log index, so two fills of one wallet that agree in transaction, token, side, size and
    price are one trade: copying once too little is the safe error. Numbers are normalised to six decimals,
    because sources write them differently.
    """
    return ":".join(
        (
            kind.value,
            transaction_hash.lower(),
            whale.lower(),
            str(token_id),
            side.value,
            _six_decimals(size),
            _six_decimals(price),
        )
    )


def _six_decimals(value: Decimal) -> str:
    return f"{value:.6f}"
