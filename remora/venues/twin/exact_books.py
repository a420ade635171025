"""The exchange's own books of one account as JSON: what really happened."""

from typing import Any

from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import RestingOrder, Trade, text


def exact_books(exchange: Exchange, address: str) -> dict[str, Any]:
    """Return cash, shares, fees, all orders, all fills with status, and redemptions of `address`."""
    owner = address.lower()
    account = exchange.account(owner)
    return {
        "address": owner,
        "cash": text(account.cash),
        "deposits": text(account.deposits),
        "fees": text(account.fees),
        "shares": {token: text(shares) for token, shares in sorted(account.shares.items()) if shares},
        "orders": [_order(order) for order in exchange.orders.values() if order.owner == owner],
        "fills": [fill for trade in exchange.trades_of(owner) for fill in _fills(trade, owner)],
        "redemptions": list(account.redemptions),
    }


def _order(order: RestingOrder) -> dict[str, Any]:
    return {
        "id": order.digest,
        "condition_id": order.condition_id,
        "token_id": order.token_id,
        "side": order.side.value,
        "price": text(order.price),
        "size": text(order.size),
        "matched": text(order.matched),
        "remaining": text(order.remaining),
        "order_type": order.order_type.value,
        "status": order.status.value,
        "created_at": order.created_at.isoformat(),
        "received_at": order.received_at.isoformat(timespec="microseconds"),
        "trades": list(order.trades),
    }


def _fills(trade: Trade, owner: str) -> list[dict[str, Any]]:
    shared = {
        "trade_id": trade.id,
        "condition_id": trade.condition_id,
        "status": trade.status.value,
        "matched_at": trade.matched_at.isoformat(),
        "transaction_hash": trade.transaction_hash,
    }
    fills: list[dict[str, Any]] = []
    if trade.taker.owner == owner:
        fills.append(
            {
                **shared,
                "order_id": trade.taker.digest,
                "role": "TAKER",
                "token_id": trade.taker.token_id,
                "side": trade.taker.side.value,
                "shares": text(trade.shares),
                "price": text(trade.price),
                "notional": text(trade.notional),
                "fee": text(trade.fee),
            }
        )
    fills += [
        {
            **shared,
            "order_id": maker.digest,
            "role": "MAKER",
            "token_id": maker.token_id,
            "side": maker.side.value,
            "shares": text(maker.shares),
            "price": text(maker.price),
            "notional": text(maker.notional),
            "fee": "0",
        }
        for maker in trade.makers
        if maker.owner == owner
    ]
    return fills
