"""Payloads of the contract: captured ones where they are at hand, our own in the documented shape always."""

import json
from pathlib import Path
from typing import Any

CAPTURED = Path(__file__).parents[3] / "../shared/data/protocol"
TOKEN, OTHER = "71321045679252212594626385532706912750332728571942532289631379312455583992563", "5211"
CONDITION = "0x" + "dd" * 32
OWN = "0x" + "f3" * 20
DIGEST = "0x" + "12" * 32


def captured(*patterns: str) -> list[Any]:
    """Return captured payloads, arrays opened; none where the folder is absent."""
    found: list[Any] = []
    for pattern in patterns:
        for path in sorted(CAPTURED.glob(pattern)):
            value = json.loads(path.read_text())
            found += value if isinstance(value, list) else [value]
    return found


BOOK: dict[str, Any] = {
    "event_type": "book",
    "market": CONDITION,
    "asset_id": TOKEN,
    "timestamp": "1757908892351",
    "hash": "0xab",
    "bids": [{"price": "0.01", "size": "10"}, {"price": "0.49", "size": "100"}],
    "asks": [{"price": "0.99", "size": "10"}, {"price": "0.50", "size": "100"}],
    "min_order_size": "5",
    "tick_size": "0.01",
    "neg_risk": False,
    "last_trade_price": "0.45",
}
PRICE_CHANGE: dict[str, Any] = {
    "event_type": "price_change",
    "market": CONDITION,
    "timestamp": "1757908892352",
    "price_changes": [
        {"asset_id": TOKEN, "price": "0.48", "size": "200", "side": "BUY", "hash": "a", "best_bid": "0.49"},
        {"asset_id": TOKEN, "price": "0.50", "size": "0", "side": "SELL", "hash": "b", "best_ask": "0.99"},
    ],
}
TICK: dict[str, Any] = {
    "event_type": "tick_size_change",
    "market": CONDITION,
    "asset_id": TOKEN,
    "old_tick_size": "0.01",
    "new_tick_size": "0.001",
    "timestamp": "1757908892353",
}
RESOLVED: dict[str, Any] = {
    "event_type": "market_resolved",
    "id": "1",
    "market": CONDITION,
    "assets_ids": [TOKEN, OTHER],
    "winning_asset_id": TOKEN,
    "winning_outcome": "Yes",
    "timestamp": "1757908892354",
}
MARKET: dict[str, Any] = {
    "id": "7",
    "conditionId": CONDITION,
    "question": "Will it rain?",
    "slug": "rain",
    "outcomes": '["Yes", "No"]',
    "outcomePrices": '["0.5", "0.5"]',
    "clobTokenIds": f'["{TOKEN}", "{OTHER}"]',
    "acceptingOrders": True,
    "closed": False,
    "negRisk": False,
    "orderMinSize": 5,
    "orderPriceMinTickSize": 0.01,
    "volume24hr": 1000,
    "endDate": "2030-01-01T00:00:00Z",
    "feeSchedule": {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0.25},
    "events": [{"id": "9", "slug": "weather", "title": "Weather"}],
}
TRADE: dict[str, Any] = {
    "id": "t-1",
    "market": CONDITION,
    "asset_id": TOKEN,
    "owner": "00000000-0000-0000-0000-000000000001",
    "maker_address": OWN,
    "taker_order_id": DIGEST,
    "side": "BUY",
    "trader_side": "TAKER",
    "price": "0.50",
    "size": "25.0",
    "outcome": "Yes",
    "status": "MATCHED",
    "fee_rate_bps": "0",
    "bucket_index": 0,
    "transaction_hash": "",
    "match_time": "1757908892",
    "last_update": "1757908892",
    "maker_orders": [],
}
MAKER: dict[str, Any] = {
    "order_id": "0x" + "34" * 32,
    "asset_id": OTHER,
    "maker_address": OWN,
    "owner": "00000000-0000-0000-0000-000000000001",
    "side": "BUY",
    "price": "0.50",
    "matched_amount": "10.0",
    "outcome": "No",
    "fee_rate_bps": "0",
}
ACTIVITY: dict[str, Any] = {
    "proxyWallet": OWN,
    "asset": TOKEN,
    "conditionId": CONDITION,
    "side": "BUY",
    "size": 25.5,
    "price": 0.49,
    "timestamp": 1790374200,
    "transactionHash": "0x" + "01" * 32,
}
