"""Holdings that change without a trade: which of our positions they concern."""

from dataclasses import replace

from remora.detection.holdings import Holdings
from remora.domain.trade_key import trade_key
from remora.domain.trades import WhaleTrade


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
