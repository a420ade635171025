"""Real payloads, and what can go wrong with them on the way."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CAPTURED = Path(__file__).parents[4] / "../shared/data/protocol"
"""Payloads as the venue sent them; optional, so every test has seeds of its own too."""

TOKEN, OTHER = "71321045679252212594626385532706912750332728571942532289631379312455583992563", "5211"
MARKET = "0xdd22472e552920b8438158ea7238bfadfa4f736aa4cee91a6b86c39ead110917"
WALLET = "0x" + "ab" * 20
ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, -1, 1, 2**63, 10**300, 0.5, -0.0, 1e300, float("nan"), float("inf"), [], {}),
            *("", " ", "0", "1", "-0.5", "0.5", "1.5", "NaN", "Infinity", "1e400", "0e999999999", "1e-400", "1_0"),
            *("BUY", "sell", "9" * 400, "0x", "0x" + "f" * 64, "\ud800", "\x00", "١٢", "2026-11-01T00:00:00Z"),
        ]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def captured(*patterns: str, rows: Callable[[Any], list[Any]] | None = None) -> list[Any]:
    """Return the captured payloads whose path matches, arrays opened; none where the folder is absent."""
    found: list[Any] = []
    for pattern in patterns:
        for path in sorted(CAPTURED.glob(pattern)):
            value = json.loads(path.read_text())
            opened = rows(value) if rows is not None else value
            found += opened if isinstance(opened, list) else [opened]
    return found


@st.composite
def broken(draw: st.DrawFn, seeds: list[Any]) -> Any:
    """Draw a seed with up to three fields dropped, retyped, duplicated or moved."""
    value = copy.deepcopy(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 3))):
        where, name = draw(st.sampled_from(_places(value) or [([value], 0)]))
        how = draw(st.sampled_from(["drop", "retype", "duplicate", "reorder"]))
        if how == "drop":
            del where[name]
        elif how == "retype":
            where[name] = draw(ODD)
        elif how == "duplicate" and isinstance(where, list):
            where.insert(0, copy.deepcopy(where[name]))
        else:
            _move_to_end(where, name)
    return value


def reordered(value: Any) -> Any:
    """Return the same payload with the fields of every object the other way round."""
    if isinstance(value, dict):
        return {name: reordered(inner) for name, inner in reversed(value.items())}
    return [reordered(inner) for inner in value] if isinstance(value, list) else value


def _places(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        names: list[Any] = list(value)
    elif isinstance(value, list):
        names = list(range(min(len(value), 4)))
    else:
        return []
    return [(value, name) for name in names] + [place for name in names for place in _places(value[name])]


def _move_to_end(where: Any, name: Any) -> None:
    moved = where.pop(name)
    if isinstance(where, list):
        where.append(moved)
    else:
        where[name] = moved


ACTIVITY: list[Any] = [
    {
        "proxyWallet": WALLET,
        "asset": TOKEN,
        "conditionId": MARKET,
        "side": "BUY",
        "size": 25.5,
        "price": "0.49",
        "timestamp": 1790374200,
        "transactionHash": "0x" + "01" * 32,
    },
    {
        "type": "MERGE",
        "proxy_wallet": WALLET,
        "condition_id": MARKET,
        "usdc_size": 12.5,
        "timestamp": 1790374200,
        "transaction_hash": "0x" + "02" * 32,
    },
    *captured("others/data_api_2026_07/activity*.json", "others/data_api_2026_07/trades.json"),
    *captured("nautilus_trader/data_api_trades_response.json"),
]
BOOK: dict[str, Any] = {
    "event_type": "book",
    "asset_id": TOKEN,
    "market": MARKET,
    "bids": [{"price": "0.48", "size": "30"}, {"price": "0.49", "size": "20"}],
    "asks": [{"price": "0.52", "size": "25"}, {"price": "0.51", "size": "60"}],
    "timestamp": "1757908892351",
    "hash": "0x0",
    "tick_size": "0.01",
    "min_order_size": "5",
    "neg_risk": False,
    "last_trade_price": "0.5",
}
MARKET_MESSAGES: list[Any] = [
    BOOK,
    {
        "event_type": "price_change",
        "market": MARKET,
        "price_changes": [
            {"asset_id": TOKEN, "price": "0.5", "size": "200", "side": "BUY", "best_bid": "0.5", "best_ask": "1"},
            {"asset_id": OTHER, "price": "0.5", "size": "0", "side": "SELL", "best_bid": "0", "best_ask": "0.5"},
        ],
        "timestamp": "1757908892351",
    },
    {
        "event_type": "tick_size_change",
        "asset_id": TOKEN,
        "market": MARKET,
        "old_tick_size": "0.01",
        "new_tick_size": "0.001",
        "timestamp": "1757908892351",
    },
    {"event_type": "market_resolved", "market": MARKET, "assets_ids": [TOKEN, OTHER], "winning_asset_id": TOKEN},
    *captured("nautilus_trader/ws_market_*.json", "nautilus_trader/python/ws_messages/*.json"),
]
ENDED_ORDER: dict[str, Any] = {
    "event_type": "order",
    "type": "CANCELLATION",
    "id": "0x" + "0d" * 32,
    "order_type": "FAK",
    "original_size": "12",
    "size_matched": "0",
    "associate_trades": [],
    "status": "UNMATCHED",
}
USER_MESSAGES: list[Any] = [
    {"event_type": "trade", "type": "TRADE", "id": "t-1", "status": "MATCHED", "maker_orders": []},
    {"event_type": "order", "type": "PLACEMENT", "id": "0x1"},
    ENDED_ORDER,
    {**ENDED_ORDER, "size_matched": "", "status": "CANCELED_order couldn't be fully filled.", "order_type": "FOK"},
    {**ENDED_ORDER, "size_matched": "2.5", "associate_trades": ["t-1"], "status": "CANCELED"},
    *captured("nautilus_trader/ws_user_*.json", "nautilus_trader/python/ws_messages/user_trade*.json"),
]
BOOKS: list[Any] = [
    {name: value for name, value in BOOK.items() if name != "event_type"},
    *captured(
        "others/gamma_clob_2026/polymarket-book.json",
        "others/one_event_across_apis/clob-books.json",
        "nautilus_trader/clob_book_response.json",
    ),
]
TRADES: list[Any] = [
    {
        "id": "t-1",
        "taker_order_id": "0x" + "11" * 32,
        "market": MARKET,
        "asset_id": TOKEN,
        "side": "BUY",
        "size": "25",
        "fee_rate_bps": "0",
        "price": "0.5",
        "status": "CONFIRMED",
        "match_time": "1790374200",
        "last_update": "1790374205",
        "outcome": "Yes",
        "bucket_index": 0,
        "owner": "key",
        "maker_address": WALLET,
        "transaction_hash": "0x" + "03" * 32,
        "trader_side": side,
        "maker_orders": [
            {
                "order_id": "0x" + "12" * 32,
                "asset_id": OTHER,
                "maker_address": WALLET,
                "owner": "key",
                "side": "BUY",
                "price": "0.5",
                "matched_amount": "25",
                "outcome": "No",
                "fee_rate_bps": "0",
            }
        ],
    }
    for side in ("TAKER", "MAKER")
] + captured("nautilus_trader/http_trade_report.json")
GAMMA: list[Any] = [
    {
        "id": "1",
        "question": "Will it?",
        "slug": "will-it",
        "conditionId": MARKET,
        "outcomes": '["Yes", "No"]',
        "outcomePrices": '["0.5", "0.5"]',
        "clobTokenIds": f'["{TOKEN}", "{OTHER}"]',
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "volume24hr": 1234.5,
        "acceptingOrders": True,
        "closed": False,
        "negRisk": False,
        "startDate": "2026-10-01T00:00:00Z",
        "endDate": "2026-12-01T00:00:00Z",
        "feeSchedule": {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0.25},
        "events": [{"id": "9", "slug": "it", "title": "It"}],
        "tags": [{"id": "2", "slug": "politics", "label": "Politics"}],
    },
    *captured("nautilus_trader/gamma_market*.json", "others/gamma_clob_2026/polymarket-market.json"),
    *captured("nautilus_trader/gamma_event.json", rows=lambda events: events[0]["markets"]),
]
REPLIES: list[Any] = [
    {
        "success": True,
        "errorMsg": "",
        "orderID": "0x" + "13" * 32,
        "status": "matched",
        "makingAmount": "5",
        "takingAmount": "10",
        "tradeIDs": ["t-1"],
        "transactionsHashes": [],
    },
    {"error": "not enough balance / allowance: the balance is not enough"},
    *captured("nautilus_trader/http_order_response*.json"),
]
PAGES: list[Any] = [
    {"data": ACTIVITY[:2], "pagination": {"limit": 2, "offset": 0, "has_more": True, "next_cursor": "abc"}},
    {"data": [], "pagination": {"limit": 2, "offset": 0, "has_more": False, "next_cursor": None}},
]
RESULTS: list[Any] = [
    {"condition_id": MARKET, "payouts": [1_000_000, 0], "resolved_at": "2026-11-01T00:00:00Z"},
    {"condition_id": "0x" + "05" * 32, "payouts": ["500000", "500000"], "resolved_at": None},
    {"condition_id": "0x" + "06" * 32, "payouts": None, "resolved_at": None},
]
BOARD: list[Any] = [
    {"user_id": WALLET, "proxy_wallet": WALLET, "trades": 12},
    *captured("others/data_api_2026_07/leaderboard.json"),
]
