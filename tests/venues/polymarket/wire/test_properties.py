"""Every parser on real payloads with fields dropped, retyped, duplicated, moved: a value, or a refusal by name."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polymarket import UnexpectedResponseError
from polymarket._internal.actions.account import parse_account_trades_page
from polymarket._internal.actions.clob import parse_order_book
from polymarket.models.gamma.market import Market as GammaMarket

from remora.domain.books import OrderBook
from remora.domain.check_trade import check_trade
from remora.domain.ids import AccountId, OrderDigest, TokenId
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.orders import VENUE_MODES, Accepted, Fill, Rejected, Unknown
from remora.domain.reasons import SkipReason
from remora.domain.trades import TradeSource, WhaleTrade
from remora.domain.usable import book_numbers, first_unusable, market_numbers
from remora.venues.polymarket.market_facts import market_facts
from remora.venues.polymarket.our_fills import our_fills
from remora.venues.polymarket.reads import order_book
from remora.venues.polymarket.rtds import RtdsWhaleFeed
from remora.venues.polymarket.trading import outcome
from remora.venues.polymarket.wire.activity import parse_trade
from remora.venues.polymarket.wire.chain_log import ORDER_FILLED, TRANSFER_BATCH, TRANSFER_SINGLE, parse_log
from remora.venues.polymarket.wire.history import count_of, results_of, wallet_of
from remora.venues.polymarket.wire.listing import names_token
from remora.venues.polymarket.wire.market import Changes, Ignored, MarketNotice, TickChange, parse_market_message
from remora.venues.polymarket.wire.page import Page, parse_page
from remora.venues.polymarket.wire.user import EndedUnmatched, TradeMoved, parse_user_message
from remora.venues.polymarket.wire.values import Malformed, json_value, messages_in, number
from remora.venues.venue import VenueUnavailable
from tests.venues.polymarket.wire.payloads import (
    ACTIVITY,
    BOARD,
    BOOKS,
    ENDED_ORDER,
    GAMMA,
    MARKET_MESSAGES,
    ODD,
    PAGES,
    REPLIES,
    RESULTS,
    TOKEN,
    TRADES,
    USER_MESSAGES,
    WALLET,
    broken,
    reordered,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = AccountId(WALLET)
DIGEST = OrderDigest("0x" + "13" * 32)
NAME = re.compile(r"[a-z_]+")
FEW = settings(max_examples=100, deadline=None)
FACTS = next(facts for row in GAMMA if (facts := market_facts(GammaMarket.parse_response(row))) is not None)


def named(found: Malformed) -> None:
    """A refusal has a stable reason and a short detail."""
    assert NAME.fullmatch(found.reason)
    assert len(found.detail) < 400


def same(first: object, second: object) -> None:
    """The order of fields decides nothing, except what a refusal quotes."""
    if isinstance(first, Malformed) and isinstance(second, Malformed):
        assert first.reason == second.reason
    else:
        assert first == second


@FEW
@given(raw=broken(ACTIVITY))
def test_a_whales_trade_is_sound_or_refused_by_name(raw: Any) -> None:
    found = parse_trade(raw, seen_at=NOW, source=TradeSource.DATA_API)

    same(parse_trade(reordered(raw), seen_at=NOW, source=TradeSource.DATA_API), found)
    if isinstance(found, Malformed):
        named(found)
        return
    assert isinstance(found, WhaleTrade)
    assert found.price.is_finite()
    assert found.size.is_finite()
    assert len(found.key) < 400
    assert "\0" not in found.key
    refusal = check_trade(found, now_venue=NOW, limits=Limits())
    assert refusal is None or isinstance(refusal.reason, SkipReason)


STREAMED = [{"topic": "activity", "type": "trades", "timestamp": 1, "payload": row} for row in ACTIVITY]


@FEW
@given(raw=broken(STREAMED))
def test_a_message_of_the_stream_is_a_trade_or_counted_under_one_name(raw: Any) -> None:
    feed = RtdsWhaleFeed("", now=lambda: NOW, random=Random(1))

    found = feed._parse(json.dumps(raw), NOW)

    assert found is None or isinstance(found, WhaleTrade)
    assert feed.malformed.total() == (found is None)
    assert all(NAME.fullmatch(reason) for reason in feed.malformed)


@FEW
@given(raw=broken([{"markets": GAMMA, "next_cursor": "MQ=="}, {"markets": GAMMA[:1]}]))
def test_a_page_of_markets_names_a_token_or_does_not(raw: Any) -> None:
    assert isinstance(names_token(raw, TokenId(TOKEN)), bool)
    assert names_token({"markets": [*GAMMA, raw]}, TokenId(TOKEN))


@FEW
@given(rows=broken([RESULTS]))
def test_a_result_is_one_dollar_for_two_shares_or_not_known(rows: Any) -> None:
    for condition, result in results_of(rows).items():
        assert condition == condition.lower()
        assert result.payouts is None or sum(result.payouts) == pytest.approx(1.0)
        assert result.payouts is None or min(result.payouts) >= 0
        assert result.resolved_at is None or result.resolved_at.tzinfo is UTC


@FEW
@given(row=broken(BOARD))
def test_a_row_of_a_board_names_a_wallet_and_a_count_or_none(row: Any) -> None:
    wallet, count = wallet_of(row, "user_id"), count_of(row, "trades")

    assert wallet is None or re.fullmatch("0x[0-9a-f]{40}", wallet)
    assert count is None or count >= 0


@FEW
@given(raw=broken(MARKET_MESSAGES))
def test_a_market_message_is_sound_or_refused_by_name(raw: Any) -> None:
    found = parse_market_message(raw)

    same(parse_market_message(reordered(raw)), found)
    if isinstance(found, Malformed):
        named(found)
    elif isinstance(found, OrderBook):
        assert first_unusable(book_numbers(found)) is None
        assert list(found.bids) == sorted(found.bids, key=lambda level: -level.price)
        assert list(found.asks) == sorted(found.asks, key=lambda level: level.price)
    elif isinstance(found, Changes):
        assert all(0 < change.level.price < 1 and change.level.size >= 0 for change in found.changes)
    elif isinstance(found, TickChange):
        assert 0 < found.tick_size < 1
    else:
        assert isinstance(found, MarketNotice | Ignored)


@FEW
@given(raw=broken(USER_MESSAGES))
def test_a_user_message_names_a_trade_or_is_refused_by_name(raw: Any) -> None:
    found = parse_user_message(raw)

    if isinstance(found, Malformed):
        named(found)
    elif isinstance(found, TradeMoved):
        assert found.trade_id == raw["id"]
    elif isinstance(found, EndedUnmatched):
        assert found.digest == raw["id"]
        assert raw["size_matched"] == "" or Decimal(str(raw["size_matched"])) == 0
        assert not raw.get("associate_trades")
    else:
        assert isinstance(found, Ignored)


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ({}, True),
        ({"status": "INVALID"}, True),
        ({"size_matched": "", "status": "CANCELED_order couldn't be fully filled."}, True),
        ({"status": "LIVE", "type": "PLACEMENT"}, False),
        ({"status": "DELAYED", "type": "UPDATE"}, False),
        ({"status": "MATCHED", "type": "UPDATE", "size_matched": "12", "associate_trades": ["t-1"]}, False),
        ({"status": "CANCELED", "size_matched": "2.5", "associate_trades": ["t-1"]}, False),
        ({"status": "CANCELED", "associate_trades": ["t-1"]}, False),
        ({"status": None}, False),
    ],
)
def test_an_order_ended_without_a_match_only_if_the_venue_says_so(changes: dict[str, Any], *, ended: bool) -> None:
    found = parse_user_message({**ENDED_ORDER, **changes})

    assert isinstance(found, EndedUnmatched if ended else Ignored)


@pytest.mark.parametrize("matched", [None, "some", [], "NaN"])
def test_an_end_that_does_not_say_what_matched_is_malformed(matched: object) -> None:
    found = parse_user_message({**ENDED_ORDER, "size_matched": matched})

    assert isinstance(found, Malformed)
    assert found.reason == "bad_order"


@FEW
@given(raw=broken(PAGES))
def test_a_page_has_rows_and_a_way_on_or_is_refused_by_name(raw: Any) -> None:
    found = parse_page(raw)

    if isinstance(found, Malformed):
        named(found)
    else:
        assert isinstance(found, Page)
        assert found.next_cursor is None or found.next_cursor


@FEW
@given(raw=broken(BOOKS))
def test_a_book_read_over_rest_is_sound_or_not_there(raw: Any) -> None:
    try:
        found = order_book(parse_order_book(raw), NOW)
    except (UnexpectedResponseError, VenueUnavailable):
        return
    assert first_unusable(book_numbers(found)) is None
    assert 0 < found.tick_size < 1
    assert found.best_bid == max((level.price for level in found.bids), default=None)
    assert found.best_ask == min((level.price for level in found.asks), default=None)


@FEW
@given(raw=broken(GAMMA))
def test_a_markets_facts_can_be_judged_or_are_not_there(raw: Any) -> None:
    try:
        parsed = GammaMarket.parse_response(raw)
    except UnexpectedResponseError:
        return
    found = market_facts(parsed)

    if found is not None:
        assert isinstance(found, Market)
        problem = first_unusable(market_numbers(found))
        assert problem is None or "must lie in" in problem
        assert found.payouts is None or sum(found.payouts) == 1


@FEW
@given(row=broken(TRADES))
def test_a_trade_of_ours_is_booked_soundly_or_not_at_all(row: Any) -> None:
    try:
        page = parse_account_trades_page({"data": [row], "next_cursor": "LTE=", "limit": 1, "count": 1})
        found = [fill for item in page.items for fill in our_fills(item, ACCOUNT, FACTS)]
    except (UnexpectedResponseError, VenueUnavailable):
        return
    for fill in found:
        assert isinstance(fill, Fill)
        assert 0 < fill.price < 1
        assert 0 < fill.shares <= Decimal(10) ** 15
        assert fill.fee >= 0
        assert fill.matched_at.tzinfo is UTC


@FEW
@given(raw=broken(REPLIES), status=st.sampled_from([100, 200, 201, 302, 400, 401, 403, 404, 425, 429, 500, 503]))
@example(raw={}, status=200)
@example(raw={"success": True}, status=200)
@example(raw={**REPLIES[0], "tradeIDs": 5}, status=200)
@example(raw={**REPLIES[0], "makingAmount": "1e999999999"}, status=200)
def test_a_reply_to_an_order_is_yes_no_or_unknown(raw: Any, status: int) -> None:
    found = outcome(DIGEST, status, json.dumps(raw))

    if isinstance(found, Accepted):
        assert 200 <= status < 300
        assert raw["success"] is True
        assert isinstance(raw["orderID"], str)
        assert not raw.get("errorMsg")
        assert 0 <= found.matched_notional <= found.matched_shares <= Decimal(10) ** 15
    elif isinstance(found, Rejected) and found.code in VENUE_MODES:
        assert status in (425, 503)
    elif isinstance(found, Rejected):
        assert status < 500
        assert status not in (425, 429)
        assert status >= 400 or raw.get("success") is False or isinstance(raw["errorMsg"], str)
        assert NAME.fullmatch(found.code)
    else:
        assert isinstance(found, Unknown)


@FEW
@given(text=st.text() | ODD.map(lambda value: json.dumps(value, default=str)))
@example(text="[" * 100_000)
@example(text='{"a":' * 100_000)
@example(text="1" * 10_000)
@example(text="[1e999999999999999999999]")
@example(text='"\\ud800"')
def test_any_text_is_read_without_an_exception(text: str) -> None:
    json_value(text)
    for message in messages_in(text):
        for found in (
            parse_market_message(message),
            parse_user_message(message),
            parse_trade(message, seen_at=NOW, source=TradeSource.RTDS),
            parse_page(message),
        ):
            if isinstance(found, Malformed):
                named(found)
    assert isinstance(outcome(DIGEST, 200, text), Accepted | Rejected | Unknown)


@FEW
@given(value=ODD | st.decimals() | st.integers(-(10**40), 10**40))
@example(value="0e999999999")
@example(value="1e-999999999")
@example(value=10**6_000)
@example(value="1_000")
def test_a_number_is_finite_of_a_sane_magnitude_and_cheap_to_write_out(value: Any) -> None:
    found = number(value)

    if found is not None:
        assert found.is_finite()
        assert abs(found) <= Decimal(10) ** 15
        assert len(f"{found:f}") < 120
        assert found == Decimal(str(value))


WORDS = st.integers(0, 3).map(lambda n: n.to_bytes(32, "big")) | st.binary(min_size=32, max_size=32)
LOG: dict[str, Any] = {
    "topics": [bytes.fromhex(ORDER_FILLED[2:]), bytes(32), bytes.fromhex(WALLET[2:]).rjust(32, b"\0"), bytes(32)],
    "data": b"".join(n.to_bytes(32, "big") for n in (0, int(TOKEN), 5_000_000, 10_000_000, 0)),
    "transactionHash": bytes(32),
    "blockNumber": 7,
    "blockHash": bytes(32),
}
TRANSFERS = [bytes.fromhex(name[2:]) for name in (TRANSFER_SINGLE, TRANSFER_BATCH)]


@FEW
@given(
    changes=st.dictionaries(
        st.sampled_from(sorted(LOG)),
        ODD
        | st.lists(WORDS | ODD, max_size=5)
        | st.lists(WORDS, max_size=8).map(b"".join)
        | st.binary(max_size=70),
        max_size=2,
    ),
    first=st.sampled_from([LOG["topics"][0], *TRANSFERS]),
    rest=st.lists(WORDS | st.just(LOG["topics"][2]), min_size=3, max_size=3),
)
@example(changes={"topics": [2**80]}, first=TRANSFERS[0], rest=[])
@example(changes={"data": 2**40}, first=TRANSFERS[0], rest=[])
def test_a_contracts_log_is_sound_or_refused_by_name(
    changes: dict[str, Any], first: bytes, rest: list[bytes]
) -> None:
    found = parse_log({**LOG, "topics": [first, *rest], **changes}, {WALLET}, set())

    if isinstance(found, Malformed):
        named(found)
        return
    for row in found:
        assert row.whale == WALLET
        assert row.token_id.isdecimal()
        assert row.size > 0
        assert row.price >= 0


def test_a_contracts_log_tells_side_size_and_price() -> None:
    found = parse_log(LOG, {WALLET}, set())
    assert not isinstance(found, Malformed)
    (row,) = found

    assert (row.token_id, row.side.value, row.size, row.price) == (TOKEN, "BUY", Decimal(10), Decimal("0.5"))
