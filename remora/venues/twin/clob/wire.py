"""The CLOB's JSON: decimals as strings, best level last, milliseconds as digits."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from remora.domain.ids import TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderType
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.engine.records import UNIT, Listing, MakerFill, RestingOrder, Trade, text

ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"


def milliseconds(at: datetime) -> str:
    """Return a time as the venue's feeds write it."""
    return str(int(at.timestamp() * 1000))


def rows(levels: list[tuple[int, int]]) -> list[dict[str, str]]:
    """Return levels as price and size strings, in the given order."""
    return [{"price": text(price), "size": text(size)} for price, size in levels]


def book_hash(token_id: TokenId, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> str:
    """Return the fingerprint of one token's book: equal books have equal hashes."""
    return hashlib.sha1(f"{token_id}{bids}{asks}".encode(), usedforsecurity=False).hexdigest()


def shown_hash(exchange: Exchange, token_id: TokenId) -> str:
    """Return the fingerprint of a token's book as it is now."""
    return book_hash(token_id, exchange.levels(token_id, Side.BUY), exchange.levels(token_id, Side.SELL))


def book(exchange: Exchange, token_id: TokenId, now: datetime) -> dict[str, Any]:
    """Return one token's book; both sides worst first, best last."""
    found = exchange.listing_of(token_id)
    assert found is not None
    listing, outcome = found
    bids, asks = exchange.levels(token_id, Side.BUY), exchange.levels(token_id, Side.SELL)
    last = listing.last_price
    shown = None if last is None else (last if outcome == 0 else UNIT - last)
    return {
        "market": listing.spec.condition_id,
        "asset_id": token_id,
        "timestamp": milliseconds(now),
        "hash": book_hash(token_id, bids, asks),
        "bids": rows(bids),
        "asks": rows(asks),
        "min_order_size": f"{listing.spec.min_order_size:f}",
        "tick_size": f"{listing.tick_size:f}",
        "neg_risk": listing.spec.neg_risk,
        "last_trade_price": "" if shown is None else text(shown),
    }


def clob_market(listing: Listing) -> dict[str, Any]:
    """Return a market in the short keys of ``/clob-markets``."""
    spec = listing.spec
    return {
        "c": spec.condition_id,
        "t": [{"t": token, "o": label} for token, label in zip(spec.tokens, spec.labels, strict=True)],
        "mts": float(listing.tick_size),
        "mos": float(spec.min_order_size),
        "nr": spec.neg_risk,
        "mbf": 0,
        "tbf": 0,
        "fd": {"r": float(spec.fee_rate), "e": spec.fee_exponent, "to": True},
        "itode": spec.taker_delay > timedelta(0),
        "oas": 0,
        "ao": listing.accepting,
    }


def market(listing: Listing) -> dict[str, Any]:
    """Return a market as the older clients read it."""
    spec = listing.spec
    winners = listing.payouts or (None, None)
    return {
        "condition_id": spec.condition_id,
        "question_id": spec.condition_id,
        "question": spec.question,
        "market_slug": spec.slug,
        "end_date_iso": spec.end_at.isoformat().replace("+00:00", "Z"),
        "active": True,
        "closed": listing.closed,
        "archived": False,
        "accepting_orders": listing.accepting,
        "enable_order_book": True,
        "minimum_order_size": float(spec.min_order_size),
        "minimum_tick_size": float(listing.tick_size),
        "neg_risk": spec.neg_risk,
        "maker_base_fee": 0,
        "taker_base_fee": 0,
        "tags": list(spec.tags),
        "tokens": [
            {
                "token_id": token,
                "outcome": label,
                "price": _outcome_price(listing, index),
                "winner": winner == 1,
            }
            for index, (token, label, winner) in enumerate(zip(spec.tokens, spec.labels, winners, strict=True))
        ],
    }


def open_order(order: RestingOrder, listing: Listing) -> dict[str, Any]:
    """Return an order as ``/data/orders`` lists it."""
    return {
        "id": order.digest,
        "market": order.condition_id,
        "asset_id": order.token_id,
        "owner": order.api_key,
        "maker_address": order.owner,
        "side": order.side.value,
        "price": text(order.price),
        "original_size": text(order.size),
        "size_matched": text(order.matched),
        "outcome": listing.spec.labels[order.outcome],
        "order_type": order.order_type.value,
        "status": order.status.value,
        "associate_trades": list(order.trades),
        "created_at": int(order.created_at.timestamp()),
        "expiration": "0" if order.expires_at is None else str(int(order.expires_at.timestamp()) + 60),
    }


def maker(fill: MakerFill, listing: Listing) -> dict[str, Any]:
    """Return a resting order's part in a trade."""
    return {
        "order_id": fill.digest,
        "asset_id": fill.token_id,
        "maker_address": fill.owner,
        "owner": fill.api_key,
        "side": fill.side.value,
        "price": text(fill.price),
        "matched_amount": text(fill.shares),
        "outcome": listing.spec.labels[fill.outcome],
        "fee_rate_bps": "0",
    }


def trade(found: Trade, listing: Listing, wallets: frozenset[str]) -> dict[str, Any]:
    """Return a trade as its parties read it: the taker's order on top, whoever looks; makers in their own rows."""
    taker = found.taker
    return {
        "id": found.id,
        "taker_order_id": taker.digest,
        "market": found.condition_id,
        "asset_id": taker.token_id,
        "side": taker.side.value,
        "size": text(found.shares),
        "price": text(found.price),
        "fee_rate_bps": "0",
        "status": found.status.value,
        "match_time": str(int(found.matched_at.timestamp())),
        "last_update": str(int((found.updated_at or found.matched_at).timestamp())),
        "outcome": listing.spec.labels[taker.outcome],
        "bucket_index": 0,
        "owner": taker.api_key,
        "maker_address": taker.owner,
        "transaction_hash": found.transaction_hash,
        "trader_side": "TAKER" if taker.owner in wallets else "MAKER",
        "maker_orders": [maker(fill, listing) for fill in found.makers],
    }


def user_order(order: RestingOrder, listing: Listing, kind: str, now: datetime) -> dict[str, Any]:
    """Return an order event of the user channel."""
    return {
        **open_order(order, listing),
        "event_type": "order",
        "type": kind,
        "order_owner": order.api_key,
        "created_at": str(int(order.created_at.timestamp())),
        "timestamp": milliseconds(now),
    }


def user_trade(
    found: Trade, listing: Listing, wallets: frozenset[str], api_key: str, now: datetime
) -> dict[str, Any]:
    """Return a trade event of the user channel for one party."""
    row = trade(found, listing, wallets)
    return {
        **row,
        "event_type": "trade",
        "type": "TRADE",
        "matchtime": row["match_time"],
        "trade_owner": api_key,
        "timestamp": milliseconds(now),
    }


def order_type(value: object) -> OrderType | None:
    """Return the time in force, None when the venue has no such one."""
    return next((kind for kind in OrderType if kind.value == value), None)


def _outcome_price(listing: Listing, outcome: int) -> float:
    last = UNIT // 2 if listing.last_price is None else listing.last_price
    return (last if outcome == 0 else UNIT - last) / UNIT
