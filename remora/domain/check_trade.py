"""What makes a trade unusable before any market is looked up."""

from datetime import datetime

from remora.domain.decide import Skip
from remora.domain.limits import Limits
from remora.domain.reasons import SkipReason
from remora.domain.trades import TradeKind, WhaleTrade


def check_trade(trade: WhaleTrade, *, now_venue: datetime, limits: Limits) -> Skip | None:
    """Return why a trade cannot become a signal, None when it can.

    A merge, split, conversion or redemption has no price of its own and passes without one.
    """
    if not trade.size.is_finite() or not trade.price.is_finite():
        return Skip(SkipReason.MALFORMED, f"price and size must be finite, were {trade.price} and {trade.size}")
    if not 0 < trade.size <= limits.trade_size_max:
        return Skip(
            SkipReason.SIZE_OUT_OF_RANGE, f"size must lie in (0, {limits.trade_size_max}], was {trade.size}"
        )
    if trade.kind is TradeKind.TRADE and not 0 < trade.price < 1:
        return Skip(SkipReason.PRICE_OUT_OF_RANGE, f"price must lie in (0, 1), was {trade.price}")
    if trade.happened_at - now_venue > limits.signal_skew_max:
        return Skip(
            SkipReason.FUTURE_DATED,
            f"happened at {trade.happened_at.isoformat()}, it is {now_venue.isoformat()}",
        )
    return None
