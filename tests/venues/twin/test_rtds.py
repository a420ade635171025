import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from remora.venues.twin.assembly import TwinOptions
from tests.venues.twin.conftest import RunningTwin, Serve

WHALE = "0x" + "c3" * 20
FIELDS = {
    "asset", "bio", "conditionId", "eventSlug", "icon", "name", "outcome", "outcomeIndex", "price", "profileImage",
    "proxyWallet", "pseudonym", "side", "size", "slug", "timestamp", "title", "transactionHash",
}  # fmt: skip


def subscribe(kind: str = "trades", **more: str) -> str:
    return json.dumps({"action": "subscribe", "subscriptions": [{"topic": "activity", "type": kind, **more}]})


@pytest.fixture
async def stream(empty_twin: RunningTwin) -> AsyncIterator[ClientConnection]:
    async with connect(empty_twin.urls["rtds_ws_url"], proxy=None) as socket:
        yield socket


async def settled(socket: ClientConnection) -> None:
    """Wait until the server has read everything sent so far."""
    await socket.send("PING")
    assert await asyncio.wait_for(socket.recv(), 5) == "PONG"


async def said(socket: ClientConnection) -> list[str]:
    """Return what the server says until it answers a PING."""
    await socket.send("PING")
    heard = []
    while (text := await asyncio.wait_for(socket.recv(), 5)) != "PONG":
        heard.append(str(text))
    return heard


async def fill(twin: RunningTwin, **more: Any) -> dict[str, Any]:
    made = await twin.post("/markets", question="Who wins?")
    await twin.post(
        "/trades",
        **{"wallet": WHALE, "token_id": made["tokens"][1], "side": "BUY", "price": 0.52, "size": 12.5, **more},
    )
    return made


async def test_a_fill_arrives_with_its_wallet_and_every_field(
    empty_twin: RunningTwin, stream: ClientConnection
) -> None:
    await stream.send(subscribe())
    await settled(stream)
    made = await fill(empty_twin)
    message = json.loads(await asyncio.wait_for(stream.recv(), 5))

    assert (message["topic"], message["type"]) == ("activity", "trades")
    assert message["timestamp"] > 1_600_000_000_000
    payload = message["payload"]
    assert set(payload) == FIELDS
    assert (payload["proxyWallet"], payload["asset"]) == (WHALE, made["tokens"][1])
    assert (payload["price"], payload["size"], payload["side"]) == (0.52, 12.5, "BUY")
    assert payload["timestamp"] < 10_000_000_000


async def test_the_same_fill_shows_in_the_data_api_with_the_same_facts(
    empty_twin: RunningTwin, stream: ClientConnection
) -> None:
    await stream.send(subscribe("*"))
    await settled(stream)
    await fill(empty_twin)
    kinds = {json.loads(await asyncio.wait_for(stream.recv(), 5))["type"] for _ in range(2)}
    async with empty_twin.client() as client:
        rows = [row async for row in client.list_trades(user=WHALE, taker_only=False).iter_items()]

    assert kinds == {"trades", "orders_matched"}
    assert len(rows) == 1


async def test_without_an_action_the_stream_accepts_and_stays_silent(
    empty_twin: RunningTwin, stream: ClientConnection
) -> None:
    await stream.send(json.dumps({"subscriptions": [{"topic": "activity", "type": "trades"}]}))
    await fill(empty_twin)

    assert await said(stream) == []


async def test_after_unsubscribing_nothing_more_comes(empty_twin: RunningTwin, stream: ClientConnection) -> None:
    await stream.send(subscribe())
    await stream.send(subscribe().replace('"subscribe"', '"unsubscribe"'))
    await settled(stream)
    await fill(empty_twin)

    assert await said(stream) == []


async def test_a_filter_by_slug_keeps_other_markets_out(empty_twin: RunningTwin, stream: ClientConnection) -> None:
    await stream.send(subscribe(filters=json.dumps({"event_slug": "something-else"})))
    await settled(stream)
    await fill(empty_twin)

    assert await said(stream) == []


async def test_a_frame_that_is_no_json_is_answered_not_fatal(
    empty_twin: RunningTwin, stream: ClientConnection
) -> None:
    await stream.send("{nonsense")

    assert "Invalid request body" in (await said(stream))[0]


async def test_a_client_that_never_pings_hears_no_more(serve_twin: Serve) -> None:
    async with (
        serve_twin(None, TwinOptions(rtds_silent_after=timedelta(seconds=-1))) as twin,
        connect(twin.urls["rtds_ws_url"], proxy=None) as socket,
    ):
        await socket.send(subscribe())
        await settled(socket)
        await fill(twin)

        assert await said(socket) == []


async def test_a_lagging_stream_delivers_later_but_delivers(serve_twin: Serve) -> None:
    async with (
        serve_twin(None, TwinOptions(rtds_lag=timedelta(seconds=0.5))) as twin,
        connect(twin.urls["rtds_ws_url"], proxy=None) as socket,
    ):
        await socket.send(subscribe())
        await settled(socket)
        await fill(twin)

        assert await said(socket) == []
        assert json.loads(await asyncio.wait_for(socket.recv(), 5))["payload"]["proxyWallet"] == WHALE
