"""The market and the user channel, heard by the official client and by a bare websocket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import websockets
from polymarket import AcceptedOrder, AsyncSecureClient
from polymarket.streams import (
    MarketBestBidAskEvent,
    MarketBookEvent,
    MarketLastTradePriceEvent,
    MarketPriceChangeEvent,
    MarketResolvedEvent,
    MarketSpec,
    MarketTickSizeChangeEvent,
    NewMarketEvent,
    UserOrderEvent,
    UserSpec,
    UserTradeEvent,
)
from websockets.asyncio.client import ClientConnection

from remora.domain.ids import ConditionId
from tests.fixtures.twin import RunningTwin, TwinMarket

D = Decimal
PATIENCE = 10


async def heard(handle: Any, wanted: Callable[[Any], bool]) -> list[Any]:
    """Return everything up to the first event that is wanted."""
    events: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while not events or not wanted(events[-1]):
            events.append(await anext(handle))
    return events


def is_a(kind: Any, **facts: Any) -> Callable[[Any], bool]:
    """Return a test for events of a kind whose payload has these facts."""

    def fits(event: Any) -> bool:
        return isinstance(event, kind) and all(
            getattr(event.payload, name) == fact for name, fact in facts.items()
        )

    return fits


@asynccontextmanager
async def socket(twin: RunningTwin, channel: str, first: Any) -> AsyncIterator[ClientConnection]:
    """Connect to a channel and send its first frame."""
    async with websockets.connect(twin.urls[f"{channel}_ws_url"], proxy=None, ping_interval=None) as connection:
        await connection.send(first if isinstance(first, str | bytes) else json.dumps(first))
        yield connection


async def _rest(client: AsyncSecureClient, token: str, price: str, size: str) -> AcceptedOrder:
    made = await client.place_limit_order(token_id=token, price=price, size=size, side="BUY")
    assert isinstance(made, AcceptedOrder), made
    return made


async def test_a_subscriber_gets_the_book_and_then_every_new_total_of_both_tokens(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    await _rest(ours, quiet.yes, "0.40", "10")
    async with await ours.subscribe(MarketSpec(asset_ids=[quiet.yes, quiet.no])) as handle:
        books = await heard(handle, is_a(MarketBookEvent, asset_id=max(quiet.yes, quiet.no)))
        by_token = {event.payload.asset_id: event.payload for event in books}
        assert [(row.price, row.size) for row in by_token[quiet.yes].bids] == [(D("0.4"), D(10))]
        assert [(row.price, row.size) for row in by_token[quiet.no].asks] == [(D("0.6"), D(10))]

        await _rest(ours, quiet.yes, "0.40", "7")
        (change,) = await heard(handle, is_a(MarketPriceChangeEvent))
        rows = {row.asset_id: row for row in change.payload.price_changes}
        assert (rows[quiet.yes].side, rows[quiet.yes].price, rows[quiet.yes].size) == ("BUY", D("0.4"), D(17))
        assert (rows[quiet.no].side, rows[quiet.no].price, rows[quiet.no].size) == ("SELL", D("0.6"), D(17))
        assert (rows[quiet.yes].best_bid, rows[quiet.yes].best_ask) == (D("0.4"), D(1))
        assert (rows[quiet.no].best_bid, rows[quiet.no].best_ask) == (D(0), D("0.6"))
        book = await ours.get_order_book(token_id=quiet.yes)
        assert rows[quiet.yes].hash == book.hash

        await ours.cancel_all()
        first, second = await heard(handle, lambda event: event.payload.price_changes[0].size == 0)
        assert {row.size for row in first.payload.price_changes} == {D(7)}
        assert {row.best_bid for row in second.payload.price_changes} == {D(0)}


async def test_changes_add_up_to_the_book_that_rest_shows(
    twin: RunningTwin, ours: AsyncSecureClient, twin_market: TwinMarket
) -> None:
    async with await ours.subscribe(MarketSpec(asset_ids=[twin_market.yes])) as handle:
        (first,) = await heard(handle, is_a(MarketBookEvent))
        sides = {"BUY": first.payload.bids, "SELL": first.payload.asks}
        kept = {side: {row.price: row.size for row in rows} for side, rows in sides.items()}
        await ours.place_market_order(token_id=twin_market.yes, side="BUY", amount="900", max_price="0.56")
        await twin.post("/quotes", token_id=twin_market.yes, bid="0.53", ask="0.55", size="400")
        await _rest(ours, twin_market.yes, "0.11", "33")
        events = await heard(
            handle,
            lambda event: (
                isinstance(event, MarketPriceChangeEvent)
                and any(row.price == D("0.11") for row in event.payload.price_changes)
            ),
        )

    for event in events:
        if not isinstance(event, MarketPriceChangeEvent):
            continue
        for row in event.payload.price_changes:
            if row.asset_id == twin_market.yes:
                kept[row.side][row.price] = row.size
        best_bid = max(price for price, size in kept["BUY"].items() if size)
        best_ask = min(price for price, size in kept["SELL"].items() if size)
        told = {
            (row.best_bid, row.best_ask) for row in event.payload.price_changes if row.asset_id == twin_market.yes
        }
        assert told == {(best_bid, best_ask)}
    book = await ours.get_order_book(token_id=twin_market.yes)
    for side, levels in (("BUY", book.bids), ("SELL", book.asks)):
        assert {price: size for price, size in kept[side].items() if size} == {
            row.price: row.size for row in levels
        }


async def test_a_match_is_told_as_the_last_trade(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    await _rest(others, quiet.no, "0.45", "10")
    async with await ours.subscribe(MarketSpec(asset_ids=[quiet.yes])) as handle:
        await heard(handle, is_a(MarketBookEvent))
        await _rest(ours, quiet.yes, "0.60", "6")
        told = (await heard(handle, is_a(MarketLastTradePriceEvent)))[-1].payload
        print_hash = "0x" + "cd" * 32
        await twin.post(
            "/trades",
            wallet="0x" + "ab" * 20,
            token_id=quiet.yes,
            side="SELL",
            price="0.52",
            size="8.5",
            transaction_hash=print_hash,
        )
        printed = (await heard(handle, is_a(MarketLastTradePriceEvent)))[-1].payload

    assert (told.asset_id, told.price, told.size, told.side) == (quiet.yes, D("0.55"), D(6), "BUY")
    assert (printed.price, printed.size, printed.side) == (D("0.52"), D("8.5"), "SELL")
    assert printed.transaction_hash == print_hash


async def test_ticks_listings_best_prices_and_results_are_told(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    spec = MarketSpec(asset_ids=[quiet.yes], custom_feature_enabled=True)
    async with (
        await ours.subscribe(spec) as handle,
        await ours.subscribe(MarketSpec(asset_ids=[quiet.yes])) as plain,
    ):
        await heard(handle, is_a(MarketBookEvent))
        await _rest(ours, quiet.yes, "0.40", "10")
        best = (await heard(handle, is_a(MarketBestBidAskEvent)))[-1].payload
        twin.twin.exchange.change_tick(ConditionId(quiet.condition_id), D("0.001"))
        tick = (await heard(handle, is_a(MarketTickSizeChangeEvent)))[-1].payload
        second = await twin.list_market("What is new?", tick_size="0.001")
        new = (await heard(handle, is_a(NewMarketEvent)))[-1].payload
        await twin.post("/resolve", condition_id=quiet.condition_id, payouts=["0", "1"])
        result = (await heard(handle, is_a(MarketResolvedEvent)))[-1].payload
        ordinary = await heard(plain, is_a(MarketTickSizeChangeEvent))

    assert (best.best_bid, best.best_ask, best.spread) == (D("0.4"), D(1), D("0.6"))
    assert (tick.old_tick_size, tick.new_tick_size) == (D("0.01"), D("0.001"))
    assert (new.condition_id, new.asset_ids) == (second.condition_id, (second.yes, second.no))
    assert new.order_price_min_tick_size == D("0.001")
    assert (result.condition_id, result.winning_asset_id) == (quiet.condition_id, quiet.no)
    assert result.winning_outcome == "No"
    assert not any(isinstance(event, MarketBestBidAskEvent | NewMarketEvent) for event in ordinary)


async def test_own_orders_and_trades_are_told_until_they_are_final_and_nobody_elses(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    second = await twin.list_market("And elsewhere?", depth_usd=0)
    async with (
        await ours.subscribe(UserSpec()) as mine,
        await others.subscribe(UserSpec(markets=[quiet.condition_id])) as theirs,
    ):
        await _listening(mine, ours, quiet.yes)
        await _listening(theirs, others, quiet.yes)
        resting = await _rest(others, quiet.no, "0.45", "10")
        await _rest(others, second.no, "0.45", "10")
        taken = await _rest(ours, quiet.yes, "0.60", "6")
        confirmed = is_a(UserTradeEvent, status="CONFIRMED")
        my_events, their_events = await heard(mine, confirmed), await heard(theirs, confirmed)
        await others.cancel_order(order_id=resting.order_id)
        their_events += await heard(theirs, is_a(UserOrderEvent, order_event_type="CANCELLATION"))

    trades = [event.payload for event in my_events if isinstance(event, UserTradeEvent)]
    assert [trade.status for trade in trades] == ["MATCHED", "MINED", "CONFIRMED"]
    assert {trade.id for trade in trades} == set(taken.trade_ids)
    assert [bool(trade.transaction_hash) for trade in trades] == [False, True, True]
    assert {(trade.trader_side, trade.asset_id, trade.price, trade.size) for trade in trades} == {
        ("TAKER", quiet.yes, D("0.55"), D(6))
    }
    orders = [event.payload for event in my_events if isinstance(event, UserOrderEvent)]
    assert {order.id for order in orders} == {taken.order_id}
    assert (orders[0].order_event_type, orders[-1].status) == ("PLACEMENT", "MATCHED")

    assert {event.payload.condition_id for event in their_events} == {quiet.condition_id}, (
        "only the market asked for"
    )
    orders = [event.payload for event in their_events if isinstance(event, UserOrderEvent)]
    assert [(order.order_event_type, order.size_matched) for order in orders] == [
        ("PLACEMENT", D(0)),
        ("UPDATE", D(6)),
        ("CANCELLATION", D(6)),
    ]
    assert {order.id for order in orders} == {resting.order_id}
    made = [event.payload for event in their_events if isinstance(event, UserTradeEvent)]
    assert [trade.status for trade in made] == ["MATCHED", "MINED", "CONFIRMED"]
    assert {trade.trader_side for trade in made} == {"MAKER"}
    assert made[0].maker_orders is not None
    assert [row.order_id for row in made[0].maker_orders] == [resting.order_id]


async def test_the_venue_says_why_it_cancelled(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    async with await ours.subscribe(UserSpec()) as mine:
        await _listening(mine, ours, quiet.yes)
        dated = await ours.place_limit_order(
            token_id=quiet.yes, price="0.2", size="10", side="BUY", expiration=int(time.time()) + 200
        )
        assert isinstance(dated, AcceptedOrder)
        clock = twin.twin.clock
        twin.twin.exchange.advance(now=clock.now(), wall=clock.now() + timedelta(seconds=150))
        expired = (await heard(mine, is_a(UserOrderEvent, order_event_type="CANCELLATION")))[-1].payload
        lasting = await _rest(ours, quiet.yes, "0.2", "10")
        await twin.post("/resolve", condition_id=quiet.condition_id, payouts=["1", "0"])
        resolved = (await heard(mine, is_a(UserOrderEvent, order_event_type="CANCELLATION")))[-1].payload

    assert (expired.id, expired.status) == (dated.order_id, "CANCELED_EXPIRED_ORDER")
    assert (resolved.id, resolved.status) == (lasting.order_id, "CANCELED_MARKET_RESOLVED")


async def _listening(handle: Any, client: AsyncSecureClient, token: str) -> None:
    """Place and cancel orders until the channel tells of one: a subscription is not acknowledged."""
    first = asyncio.ensure_future(anext(handle))
    while not first.done():
        poke = await _rest(client, token, "0.01", "5")
        await client.cancel_order(order_id=poke.order_id)
        await asyncio.wait([first], timeout=0.05)
    last = is_a(UserOrderEvent, id=poke.order_id, order_event_type="CANCELLATION")
    if not last(first.result()):
        await heard(handle, last)


@pytest.mark.parametrize("channel", ["market", "user"])
async def test_a_ping_is_answered(twin: RunningTwin, ours: AsyncSecureClient, channel: str) -> None:
    async with socket(twin, channel, _greeting(ours, channel)) as connection:
        await connection.send("PING")
        async with asyncio.timeout(PATIENCE):
            assert await connection.recv() == "PONG"


async def test_the_user_channel_is_closed_to_strangers(twin: RunningTwin, ours: AsyncSecureClient) -> None:
    good = _greeting(ours, "user")
    wrong: list[Any] = [
        {"type": "user"},
        {"type": "user", "auth": {**good["auth"], "passphrase": "wrong"}},
        {"type": "user", "auth": {**good["auth"], "apiKey": "nobody"}},
        {"type": "user", "auth": "letmein"},
        {"operation": "subscribe", "markets": ["0x1"]},
        "hello",
        b"\x00",
    ]
    for first in wrong:
        async with socket(twin, "user", first) as connection, asyncio.timeout(PATIENCE):
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await connection.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == (1003 if isinstance(first, bytes) else 1008), "an internal error?"


NONSENSE: list[Any] = [
    "hello",
    "[" * 100_000,
    '{"a":' * 50_000,
    "\ud83d",
    "1",
    "null",
    "[]",
    '{"type":"market","assets_ids":7}',
    '{"type":"market","assets_ids":{"a":1}}',
    '{"type":"market","assets_ids":[7,null,{"a":[]},"1"]}',
    '{"operation":"unsubscribe","assets_ids":["never subscribed"]}',
    '{"operation":["subscribe"],"assets_ids":"12"}',
    '{"type":"user","auth":[],"markets":5}',
    '{"type":"user","auth":{"apiKey":["x"]},"markets":[[]]}',
    '{"operation":"subscribe","markets":7}',
]


@pytest.mark.parametrize("channel", ["market", "user"])
async def test_nonsense_breaks_no_channel(twin: RunningTwin, ours: AsyncSecureClient, channel: str) -> None:
    async with socket(twin, channel, _greeting(ours, channel)) as connection, asyncio.timeout(PATIENCE):
        for frame in NONSENSE:
            if channel == "user" and '"auth"' in frame:
                continue  # a wrong key closes the channel: seen above
            await connection.send(frame.encode("utf-8", "replace").decode())
            await connection.send("PING")
            assert await connection.recv() == "PONG", frame


def _greeting(client: AsyncSecureClient, channel: str) -> dict[str, Any]:
    if channel == "market":
        return {"type": "market", "assets_ids": [], "custom_feature_enabled": True}
    known = client.credentials
    return {"type": "user", "auth": {"apiKey": known.key, "secret": known.secret, "passphrase": known.passphrase}}
