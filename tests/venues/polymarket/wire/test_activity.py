"""No message of a stream can do more harm than being skipped."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.trades import TradeKind, TradeSource, WhaleTrade
from remora.venues.polymarket.wire.activity import parse_trade
from remora.venues.polymarket.wire.market import parse_market_message
from remora.venues.polymarket.wire.values import Malformed

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CAPTURED = Path(__file__).parents[5] / "shared" / "data" / "protocol"
ROW: dict[str, Any] = {
    "proxyWallet": "0x" + "AB" * 20,
    "asset": "7132",
    "conditionId": "0x" + "cd" * 32,
    "side": "BUY",
    "size": 25.5,
    "price": "0.49",
    "timestamp": 1790374200,
    "transactionHash": "0x" + "01" * 32,
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_the_same_trade_has_one_key_whatever_the_source() -> None:
    snake = {
        "type": "TRADE",
        "proxy_wallet": "0x" + "ab" * 20,
        "token_id": "7132",
        "condition_id": "0x" + "CD" * 32,
        "side": "buy",
        "size": "25.50",
        "price": 0.49,
        "timestamp": "1790374200",
        "transaction_hash": "0x" + "01" * 32,
    }
    streamed = parse_trade(ROW, seen_at=NOW, source=TradeSource.RTDS)
    read = parse_trade(snake, seen_at=NOW, source=TradeSource.DATA_API)

    assert isinstance(streamed, WhaleTrade)
    assert isinstance(read, WhaleTrade)
    assert streamed.key == read.key
    assert streamed.size == Decimal("25.5")


@given(st.sampled_from(sorted(ROW)), ANYTHING)
def test_a_broken_field_never_raises(field: str, value: object) -> None:
    parsed = parse_trade({**ROW, field: value}, seen_at=NOW, source=TradeSource.RTDS)

    assert isinstance(parsed, WhaleTrade | Malformed)


@given(ANYTHING)
def test_anything_at_all_never_raises(value: object) -> None:
    assert isinstance(parse_trade(value, seen_at=NOW, source=TradeSource.RTDS), WhaleTrade | Malformed)
    parse_market_message(value)


@given(
    st.sampled_from(["book", "price_change", "tick_size_change", "market_resolved"]),
    st.dictionaries(
        st.sampled_from(["asset_id", "market", "bids", "asks", "price_changes", "timestamp", "new_tick_size"]),
        ANYTHING,
    ),
)
def test_a_broken_market_message_never_raises(kind: str, fields: dict[str, object]) -> None:
    parse_market_message({"event_type": kind, **fields})


@pytest.mark.skipif(not CAPTURED.exists(), reason="captured payloads are not at hand")
def test_captured_activity_is_understood() -> None:
    rows = json.loads((CAPTURED / "others/data_api_2026_07/activity.json").read_text())
    parsed = [parse_trade(row, seen_at=NOW, source=TradeSource.DATA_API) for row in rows]

    trades = [trade for trade in parsed if isinstance(trade, WhaleTrade)]
    assert len(trades) > len(rows) // 2
    assert {trade.kind for trade in trades} <= set(TradeKind)


@pytest.mark.skipif(not CAPTURED.exists(), reason="captured payloads are not at hand")
def test_captured_market_messages_never_raise() -> None:
    for path in sorted((CAPTURED / "nautilus_trader").rglob("ws_*.json")):
        found = json.loads(path.read_text())
        for message in found if isinstance(found, list) else [found]:
            parse_market_message(message)


def test_a_new_field_changes_nothing_and_a_missing_one_is_named() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    whole = parse_trade(ROW, seen_at=now, source=TradeSource.RTDS)
    newer = parse_trade({**ROW, "makerRebate": {"usd": 1}}, seen_at=now, source=TradeSource.RTDS)

    assert whole == newer
    for field, reason in (("transactionHash", "bad_transaction"), ("asset", "bad_token"), ("size", "bad_number")):
        fewer = {name: value for name, value in ROW.items() if name != field}
        found = parse_trade(fewer, seen_at=now, source=TradeSource.RTDS)
        assert isinstance(found, Malformed)
        assert found.reason == reason
