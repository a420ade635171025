"""The venue contract on payloads: ours in the documented shape always, captured ones where they are at hand.

Case numbers are those of docs/venue-contract.md.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from polymarket._internal.actions.account import parse_account_trades_page, parse_open_orders_page
from polymarket.models.gamma.market import Market as GammaMarket

from remora.domain.books import OrderBook
from remora.domain.ids import AccountId, OrderDigest
from remora.domain.market import Market, ResolutionStatus
from remora.domain.money import Side
from remora.domain.orders import Accepted, FillStatus, Rejected, Unknown
from remora.domain.trades import TradeKind, TradeSource, WhaleTrade
from remora.venues.polymarket.market_facts import market_facts
from remora.venues.polymarket.our_fills import our_fills
from remora.venues.polymarket.trading import outcome
from remora.venues.polymarket.wire.activity import parse_trade
from remora.venues.polymarket.wire.market import Changes, Ignored, MarketNotice, TickChange, parse_market_message
from remora.venues.polymarket.wire.user import EndedUnmatched, TradeMoved, parse_user_message
from remora.venues.polymarket.wire.values import Malformed
from tests.venues.contract import payloads as own

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DIGEST = OrderDigest(own.DIGEST)
d = Decimal


def rows(ours: list[Any], *patterns: str, keep: Callable[[Any], bool] = lambda row: True) -> pytest.MarkDecorator:
    """Run a case on our payload, and once more on all captured ones; skip the latter where they are absent."""
    found = [row for row in own.captured(*patterns) if keep(row)]
    absent = (
        [] if found else [pytest.mark.skip(reason="captured payloads are not at hand: ../shared/data/protocol")]
    )
    return pytest.mark.parametrize(
        "payload_rows",
        [pytest.param(ours, id="documented"), pytest.param(found, id="captured", marks=absent)],
    )


def of_kind(kind: str) -> Callable[[Any], bool]:
    return lambda row: isinstance(row, dict) and row.get("event_type") == kind


@rows(
    [own.BOOK],
    "others/gamma_clob_2026/polymarket-book.json",
    "others/one_event_across_apis/clob-books.json",
    "nautilus_trader/clob_book_response.json",
)
def test_c05_a_book_is_best_first_with_us_whatever_its_order_on_the_wire(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        book = parse_market_message({**raw, "event_type": "book"})
        assert isinstance(book, OrderBook), f"{book}: {str(raw)[:200]}"
        prices = [d(level["price"]) for level in raw["bids"]], [d(level["price"]) for level in raw["asks"]]
        assert (book.best_bid, book.best_ask) == (max(prices[0]), min(prices[1]))
        assert [level.price for level in book.bids] == sorted(prices[0], reverse=True)
        assert str(raw["timestamp"]).isdigit()


@rows(
    [own.PRICE_CHANGE],
    "nautilus_trader/ws_*.json",
    "nautilus_trader/python/ws_messages/price_change*.json",
    keep=lambda row: of_kind("price_change")(row) and "price_changes" in row,
)
def test_c06_a_price_change_gives_the_new_total_of_a_level(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        found = parse_market_message(raw)
        assert isinstance(found, Changes), f"{found}: {raw}"
        assert [(c.level.price, c.level.size) for c in found.changes] == [
            (d(c["price"]), d(c["size"])) for c in raw["price_changes"]
        ]


@rows(
    [own.TICK],
    "nautilus_trader/ws_*tick*.json",
    "nautilus_trader/python/ws_messages/tick*.json",
    keep=of_kind("tick_size_change"),
)
def test_c07_a_tick_changes_in_flight(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        found = parse_market_message(raw)
        assert isinstance(found, TickChange)
        assert found.tick_size == d(raw["new_tick_size"])


@rows([own.RESOLVED], "nautilus_trader/ws_market_resolved_msg.json")
def test_c08_a_resolution_is_told_with_its_market(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        found = parse_market_message(raw)
        assert isinstance(found, MarketNotice)
        assert found.condition_id == raw["market"]


@rows([own.BOOK, own.PRICE_CHANGE, own.TICK], "nautilus_trader/ws_market_*.json")
def test_c09_new_fields_and_kinds_are_ignored_and_missing_ones_named(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        assert type(parse_market_message({**raw, "added_in_2027": {"x": [1]}})) is type(parse_market_message(raw))
    assert isinstance(parse_market_message({"event_type": "added_in_2027"}), Ignored)
    for needed in ("asset_id", "timestamp", "bids", "asks"):
        found = parse_market_message({k: v for k, v in own.BOOK.items() if k != needed})
        assert isinstance(found, Malformed)
        assert found.reason == "bad_book"


@rows(
    [own.MARKET],
    "nautilus_trader/gamma_market.json",
    "nautilus_trader/gamma_market_sports*.json",
    "others/gamma_clob_2026/polymarket-market.json",
)
def test_c10_a_market_reads_with_its_lists_inside_of_strings(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        facts = market_facts(GammaMarket.parse_response(raw))
        assert isinstance(facts, Market)
        tokens = [outcome.token_id for outcome in facts.outcomes]
        assert len(set(tokens)) == 2
        assert all(token.isdigit() for token in tokens)
        assert 0 < facts.tick_size < 1
        assert facts.condition_id == raw["conditionId"]


@rows([], "nautilus_trader/gamma_market_closed_*legacy.json")
def test_c11_a_closed_market_has_a_payout_only_if_it_shares_one_dollar(payload_rows: list[Any]) -> None:
    paid = {"closed": True, "acceptingOrders": False}
    for prices, payouts in (
        ('["1", "0"]', (1, 0)),
        ('["0", "1"]', (0, 1)),
        ('["0.5", "0.5"]', (d("0.5"), d("0.5"))),
        ('["0", "0"]', None),
        ('["0.58", "0.42"]', None),
    ):
        facts = market_facts(GammaMarket.parse_response({**own.MARKET, **paid, "outcomePrices": prices}))
        assert facts is not None
        assert facts.payouts == payouts
        assert (facts.resolution is ResolutionStatus.RESOLVED) is (payouts is not None)
    for raw in payload_rows:
        facts = market_facts(GammaMarket.parse_response(raw))
        assert facts is None or facts.payouts is None, "an odd price is no payout"


@rows(
    [own.ACTIVITY],
    "others/data_api_2026_07/trades.json",
    "nautilus_trader/data_api_trades_response.json",
)
def test_c13_a_trade_of_a_whale_reads_alike_in_both_spellings(payload_rows: list[Any]) -> None:
    snake = {
        "proxyWallet": "proxy_wallet",
        "asset": "token_id",
        "conditionId": "condition_id",
        "transactionHash": "transaction_hash",
    }
    for raw in payload_rows:
        camel = parse_trade(raw, seen_at=NOW, source=TradeSource.RTDS)
        other = parse_trade({snake.get(k, k): v for k, v in raw.items()}, seen_at=NOW, source=TradeSource.DATA_API)
        assert isinstance(camel, WhaleTrade), f"{camel}: {raw}"
        assert isinstance(other, WhaleTrade)
        assert camel.key == other.key
        assert camel.size == d(str(raw["size"]))


@rows([{**own.ACTIVITY, "type": "TRADE"}], "others/data_api_2026_07/activity*.json")
def test_c14_every_kind_of_holding_change_is_told_apart_or_refused_by_name(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        found = parse_trade(raw, seen_at=NOW, source=TradeSource.DATA_API)
        if isinstance(found, WhaleTrade):
            assert found.kind.value == str(raw["type"]).lower()
        else:
            assert found.reason
    unknown = parse_trade({**own.ACTIVITY, "type": "BARTER"}, seen_at=NOW, source=TradeSource.DATA_API)
    assert isinstance(unknown, Malformed)
    assert TradeKind.REDEEM in TradeKind


def test_c15_a_reply_is_yes_no_or_unknown_whatever_its_units() -> None:
    human = (
        '{"success":true,"errorMsg":"","orderID":"0x1","status":"matched","makingAmount":"5","takingAmount":"10"}'
    )
    base = human.replace('"5"', '"5000000"').replace('"10"', '"10000000"')
    for body in (human, base):
        found = outcome(DIGEST, 200, body)
        assert isinstance(found, Accepted)
        assert found.matched_notional * 2 == found.matched_shares
    assert isinstance(outcome(DIGEST, 200, '{"success":false,"errorMsg":"Insufficient balance"}'), Rejected)
    for status, body in ((500, '{"error":"Internal server error"}'), (200, "<html>"), (502, ""), (200, "{}")):
        assert isinstance(outcome(DIGEST, status, body), Unknown)


@rows([{"success": True, "orderID": "0x1", "errorMsg": None}], "nautilus_trader/http_order_response_ok.json")
def test_c15_a_reply_as_captured_is_a_yes(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        assert isinstance(outcome(DIGEST, 200, json.dumps(raw)), Accepted)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (425, '{"error":"service not ready"}', "venue_restarting"),
        (503, '{"error":"post-only","code":"post_only_mode"}', "post_only_mode"),
        (503, '{"error":"Trading is currently cancel-only"}', "cancel_only_mode"),
        (503, '{"error":"upstream"}', None),
        (429, '{"error":"too many"}', None),
        (408, '{"error":"timeout"}', None),
    ],
)
def test_c16_a_mode_of_the_engine_is_a_no_and_a_crowd_is_a_doubt(status: int, body: str, code: str | None) -> None:
    found = outcome(DIGEST, status, body)

    assert (found.code if isinstance(found, Rejected) else None) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("not enough balance / allowance: the allowance is not enough -> spender: 0x1", "not_enough_balance"),
        ("no orders found to match with FAK order. FAK orders are partially filled or killed", "fak_not_filled"),
        ("order couldn't be fully filled. FOK orders are fully filled or killed.", "fok_not_filled"),
        ("order 0x1 is invalid. Price (0.123) breaks minimum tick size rule: 0.01", "tick_size"),
        ("order 0x1 is invalid. Size (3) lower than the minimum: 5", "below_minimum"),
        ("invalid amount for a marketable BUY order ($0.5), min size: $1", "below_minimum"),
        ("the market is not yet ready to process new orders", "market_not_ready"),
        ("address in closed only mode", "closed_only"),
        ("Trading restricted in your region", "region_blocked"),
        ("something nobody has seen", "rejected"),
    ],
)
def test_c17_a_refusal_has_a_stable_code(error: str, code: str) -> None:
    for status, body in ((400, {"error": error}), (200, {"success": False, "errorMsg": error})):
        found = outcome(DIGEST, status, json.dumps(body))
        assert isinstance(found, Rejected)
        assert found.code == code


def _facts() -> Market:
    found = market_facts(GammaMarket.parse_response(own.MARKET))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("MATCHED", FillStatus.MATCHED),
        ("MATCHED_NOT_BROADCASTED", FillStatus.MATCHED),
        ("MINED", FillStatus.MINED),
        ("CONFIRMED", FillStatus.CONFIRMED),
        ("RETRYING", FillStatus.RETRYING),
        ("FAILED", FillStatus.FAILED),
        ("TRADE_STATUS_CONFIRMED", FillStatus.CONFIRMED),
    ],
)
def test_c18_a_trade_of_ours_is_booked_with_its_settlement(said: str, status: FillStatus) -> None:
    page = parse_account_trades_page({"data": [{**own.TRADE, "status": said}], "next_cursor": "LTE="})
    (fill,) = our_fills(page.items[0], AccountId(own.OWN), _facts())

    assert (fill.status, fill.side, fill.shares, fill.price) == (status, Side.BUY, d(25), d("0.50"))
    assert fill.fee == d("0.25000"), "25 shares x 0.04 x 0.25, floored to five decimals"


def test_c18_a_trade_that_we_made_is_booked_from_our_side_without_a_fee() -> None:
    made = {**own.TRADE, "trader_side": "MAKER", "maker_address": "0x" + "99" * 20, "maker_orders": [own.MAKER]}
    page = parse_account_trades_page({"data": [made], "next_cursor": "LTE="})
    (fill,) = our_fills(page.items[0], AccountId(own.OWN), _facts())

    assert (fill.order_digest, fill.token_id) == (own.MAKER["order_id"], own.OTHER)
    assert [fill.shares, fill.fee] == [10, 0]


@rows([own.TRADE], "nautilus_trader/http_trade_report.json")
def test_c18_a_trade_reads_through_the_official_client(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        page = parse_account_trades_page({"data": [raw], "next_cursor": "LTE="})
        assert page.items[0].id == raw["id"]
        assert not page.has_more, "LTE= ends a list"


@rows([], "nautilus_trader/http_open_order.json")
def test_c19_open_orders_read_and_their_lists_end(payload_rows: list[Any]) -> None:
    page = parse_open_orders_page({"data": [], "next_cursor": "LTE=", "limit": 1, "count": 0})
    assert (list(page.items), page.has_more) == ([], False)
    for raw in payload_rows:
        found = parse_open_orders_page({"data": [{**raw, "expiration": "0"}], "next_cursor": "LTE="})
        assert found.items[0].id == raw["id"]


@rows(
    [{"event_type": "trade", "id": "t1"}],
    "nautilus_trader/ws_user_trade*.json",
    "nautilus_trader/python/ws_messages/user_trade*.json",
    keep=of_kind("trade"),
)
def test_c22_the_user_channel_names_the_trade_that_moved(payload_rows: list[Any]) -> None:
    for raw in payload_rows:
        assert parse_user_message(raw) == TradeMoved(raw["id"])


@rows([], "nautilus_trader/ws_user_order*.json")
def test_c22_an_order_message_says_no_more_than_that_it_ended_without_a_match(payload_rows: list[Any]) -> None:
    assert isinstance(parse_user_message({"event_type": "order", "id": "0x1"}), Ignored)
    for raw in payload_rows:
        ended = raw["type"] == "CANCELLATION" and raw["size_matched"] in ("", "0", "0.0")
        # some were captured without the field by which the channel tells its messages apart
        found = parse_user_message({**raw, "event_type": "order"})
        assert isinstance(found, EndedUnmatched if ended else Ignored)
