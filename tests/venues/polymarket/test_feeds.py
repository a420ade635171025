"""Feeds on a socket that says anything at all: what can be used arrives, the rest is counted by name."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from remora.domain.ids import OrderDigest, TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.orders import Fill, FillStatus
from remora.domain.trades import WhaleTrade
from remora.venues.polymarket.market_channel import MarketChannelFeed
from remora.venues.polymarket.rtds import RtdsWhaleFeed
from remora.venues.polymarket.socket import Frame, Socket
from remora.venues.polymarket.user_channel import UserChannelFeed
from remora.venues.venue import BookUpdate, FeedGap, FillUpdate, MarketUpdate, OrderUnmatched, VenueUnavailable
from tests.fixtures.waiting import until
from tests.venues.polymarket.wire.payloads import BOOK, ENDED_ORDER, MARKET, OTHER, TOKEN, WALLET

LAST = "the last message"
NOISE = ["", "hello", "[" * 50_000, '{"a":' * 50_000, "null", "7", "[]", "[[]]", '{"event_type":[]}', "NaN"]
NO_JSON = 4
"""Frames of `NOISE` that are no JSON at all; the others are no message."""


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def saying(frames: Iterable[Any]) -> AsyncIterator[str]:
    """Serve a socket that sends `frames` to whoever subscribed; yield its address."""
    texts = [frame if isinstance(frame, str) else json.dumps(frame) for frame in frames]

    async def speak(connection: ServerConnection) -> None:
        await connection.recv()
        for text in texts:
            await connection.send(text)
        await connection.wait_closed()

    async with websockets.serve(speak, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


async def first(feed: Any, count: int) -> list[Any]:
    """Return the first `count` updates of a feed."""
    found: list[Any] = []
    updates = aiter(feed)
    while len(found) < count:
        found.append(await anext(updates))
    await updates.aclose()
    return found


def level(side: str, price: str, size: str, token: str = TOKEN) -> dict[str, Any]:
    """Return a price_change of one level."""
    row = {"asset_id": token, "price": price, "size": size, "side": side}
    return {"event_type": "price_change", "market": MARKET, "price_changes": [row], "timestamp": "1757908892352"}


async def test_a_book_survives_noise_repetition_and_strangers() -> None:
    halted = {"event_type": "market_resolved", "market": MARKET, "assets_ids": [TOKEN, OTHER]}
    frames: list[Any] = [
        *NOISE,
        level("BUY", "0.49", "1"),  # before any book: nothing to change
        [BOOK, {**BOOK, "asset_id": OTHER}],
        {**BOOK, "bids": [{"price": "1.5", "size": "3"}]},
        BOOK,
        level("BUY", "0.49", "21"),
        level("BUY", "0.49", "21"),
        level("BUY", "0.49", "-4"),
        level("SELL", "0.51", "0"),
        level("HOLD", "0.51", "5"),
        {"event_type": "tick_size_change", "asset_id": TOKEN, "market": MARKET, "new_tick_size": "0.001"},
        {"event_type": "tick_size_change", "asset_id": TOKEN, "new_tick_size": "0.001"},
        {"event_type": "something_new"},
        halted,
    ]
    async with saying(frames) as url:
        feed = MarketChannelFeed(url, now=now, random=Random(1))
        await feed.watch([TokenId(TOKEN)])
        updates = await first(feed, 7)

    books = [update for update in updates if isinstance(update, BookUpdate)]
    assert {update.book.token_id for update in books} == {TOKEN}, "only what is watched"
    assert [update.distinct for update in books] == [1, 1, 2, 2, 3], "a repetition is no second opinion"
    touch = [(update.book.best_bid, update.book.bids[0].size, update.book.best_ask) for update in books]
    assert touch[-1] == (Decimal("0.49"), Decimal(21), Decimal("0.52"))
    assert [u.what for u in updates if isinstance(u, MarketUpdate)] == ["tick_size_change", "resolved"]
    assert set(feed.malformed) == {"not_json", "not_an_object", "bad_book", "bad_changes", "bad_tick"}
    assert (feed.malformed["not_json"], feed.malformed["bad_changes"]) == (NO_JSON, 2)


async def test_our_fills_survive_noise_and_a_failing_read() -> None:
    asked: list[str] = []

    async def read(trade_id: str) -> list[Fill]:
        asked.append(trade_id)
        if trade_id == "t-2":
            raise VenueUnavailable("not now")
        return [
            Fill(
                trade_id=trade_id,
                order_digest=OrderDigest("0x1"),
                token_id=TokenId(TOKEN),
                side=Side.BUY,
                shares=Decimal(5),
                price=Decimal("0.5"),
                fee=Decimal(0),
                status=FillStatus.MATCHED,
                matched_at=now(),
                transaction_hash="",
            )
        ]

    moved: dict[str, Any] = {"event_type": "trade", "status": "MATCHED"}
    frames: list[Any] = [
        *NOISE,
        {**moved, "id": "t-1"},
        {"event_type": "order", "id": "0x1"},
        ENDED_ORDER,
        {**moved, "id": 7},
        moved,
        [{**moved, "id": "t-2"}, {**moved, "id": "t-1"}],
        {**moved, "id": LAST},
    ]
    async with saying(frames) as url:
        feed = UserChannelFeed(url, dict, read, now=now, random=Random(1))
        updates = await first(feed, 5)

    assert asked == ["t-1", "t-2", "t-1", LAST]
    kinds = [FillUpdate, OrderUnmatched, FeedGap, FillUpdate, FillUpdate]
    assert [type(update) for update in updates] == kinds
    assert updates[1].digest == ENDED_ORDER["id"]
    assert feed.malformed["bad_trade"] == 2


async def test_whales_trades_survive_noise_and_repeat_under_one_key() -> None:
    row = {
        "proxyWallet": WALLET.upper().replace("0X", "0x"),
        "asset": TOKEN,
        "conditionId": MARKET,
        "side": "BUY",
        "size": 25.5,
        "price": 0.49,
        "timestamp": 1790374200,
        "transactionHash": "0x" + "01" * 32,
    }

    def said(**changes: Any) -> dict[str, Any]:
        return {"topic": "activity", "type": "trades", "timestamp": 1, "payload": {**row, **changes}}

    torn = json.dumps(said())[:-20]
    frames: list[Any] = [
        *NOISE,
        torn,
        said(size="1e999999"),
        said(price=float("nan")),
        said(asset="x"),
        said(transactionHash="\x00" * 9),
        said(timestamp="soon"),
        said(proxyWallet="0x" + "cd" * 20),
        {"payload": [row]},
        {**said(), "payload": {name: value for name, value in row.items() if name != "proxyWallet"}},
        said(),
        said(),
        said(side="SELL"),
    ]
    async with saying(frames) as url:
        feed = RtdsWhaleFeed(url, now=now, random=Random(1))
        await feed.follow([WalletAddress(WALLET)])
        trades = await first(feed, 3)

    assert all(isinstance(trade, WhaleTrade) for trade in trades)
    assert (trades[0].key, trades[0].size) == (trades[1].key, Decimal("25.5"))
    assert [trade.side for trade in trades] == [Side.BUY, Side.BUY, Side.SELL]
    assert feed.malformed == {
        "not_json": 1,
        "bad_number": 2,
        "bad_token": 1,
        "bad_transaction": 1,
        "bad_time": 1,
        "not_an_object": 1,
        "bad_identity": 1,
    }


async def test_a_stream_that_answers_no_ping_is_replaced_and_the_gap_is_told() -> None:
    heard: list[list[str]] = []

    async def speak(connection: ServerConnection) -> None:
        said: list[str] = []
        heard.append(said)
        said.append(str(await connection.recv()))
        if len(heard) > 1:
            await connection.send(LAST)
        said.extend([str(text) async for text in connection])  # and not a word, though it is asked

    async def greet(connection: ClientConnection) -> None:
        await connection.send("hello")

    async with websockets.serve(speak, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        often, soon = timedelta(seconds=0.05), timedelta(seconds=0.3)
        socket = Socket("rtds", url, now, greet, often, soon, Random(1))
        gap, frame = await first(socket.frames(), 2)

    assert isinstance(gap, FeedGap)
    assert "no message for" in gap.cause
    assert isinstance(frame, Frame)
    assert frame.text == LAST
    assert heard[0][0] == heard[1][0] == "hello"
    assert heard[0].count("PING") > 1, "it asked before it gave up"


async def test_a_server_that_takes_connections_and_never_speaks_counts_as_silent_from_the_start() -> None:
    visits = 0

    async def speak(connection: ServerConnection) -> None:
        nonlocal visits
        visits += 1
        async for _ in connection:
            pass

    async def greet(connection: ClientConnection) -> None:
        await connection.send("hello")

    async with websockets.serve(speak, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        often, soon = timedelta(seconds=0.05), timedelta(seconds=0.1)
        socket = Socket("rtds", url, now, greet, often, soon, Random(1))
        reading = asyncio.ensure_future(anext(aiter(socket.frames())))
        began = await until(lambda: _answer(socket.listening_since), bool)
        await until(lambda: _answer(visits), lambda count: count > 1)
        gap = await reading

    assert isinstance(gap, FeedGap)
    assert gap.since == began, "no new connection makes it younger"
    assert (socket.listening_since, socket.last_message_at) == (began, None)


async def test_a_server_that_is_not_there_counts_as_silent_from_the_start() -> None:
    async def greet(connection: ClientConnection) -> None:
        await connection.send("hello")

    often, began = timedelta(seconds=1), now()
    socket = Socket("rtds", "ws://127.0.0.1:9", now, greet, often, often, Random(1))
    reading = asyncio.ensure_future(anext(aiter(socket.frames())))
    since = await until(lambda: _answer(socket.listening_since), bool)
    reading.cancel()
    assert began <= since <= now()
    assert socket.last_message_at is None


async def _answer(value: Any) -> Any:
    return value
