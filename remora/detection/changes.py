"""Holdings that change without a trade: which of our positions they concern."""

from dataclasses import replace
from datetime import datetime

from remora.detection.holdings import Holdings
from remora.domain.money import Side
from remora.domain.trade_key import trade_key
from remora.domain.trades import TradeKind, WhaleTrade


def spread(trade: WhaleTrade, holdings: Holdings) -> list[WhaleTrade]:
    """Return a change of holding once for each token of ours that it concerns; a trade is returned as it is.

    The Data API names the market of a merge, split or redemption and no token: both outcomes change.
    """
    if trade.token_id:
        return [trade]
    held = [position for position in holdings.of_market(trade.condition_id) if position.whale == trade.whale]
    return [
        replace(
            trade,
            token_id=position.token_id,
            key=trade_key(
                transaction_hash=trade.transaction_hash,
                whale=trade.whale,
                token_id=position.token_id,
                side=trade.side,
                kind=trade.kind,
            ),
        )
        for position in held
    ]


def taken_back(purchase: WhaleTrade, seen_at: datetime) -> WhaleTrade:
    """Return the sale that stands for a purchase which the chain took back."""
    return replace(
        purchase,
        key=trade_key(
            transaction_hash=purchase.transaction_hash,
            whale=purchase.whale,
            token_id=purchase.token_id,
            side=Side.SELL,
            kind=TradeKind.REORG,
        ),
        side=Side.SELL,
        kind=TradeKind.REORG,
        seen_at=seen_at,
    )
