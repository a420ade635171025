import asyncio
import json
from datetime import timedelta

from websockets.asyncio.client import connect

from remora.venues.twin.scenario.model import ExternalTrade, Scenario
from remora.venues.twin.scenario.season import season_scenario
from remora.venues.twin.scenario.season_calendar import WINDOW_START
from tests.venues.twin.conftest import RunningTwin, Serve

SUBSCRIBE = json.dumps({"action": "subscribe", "subscriptions": [{"topic": "activity", "type": "trades"}]})


def one_hour() -> Scenario:
    """Return an hour of a season that passes in two seconds."""
    return season_scenario(2, end=WINDOW_START + timedelta(hours=1), speed=1800)


async def until_done(twin: RunningTwin) -> dict[str, object]:
    status = await twin.get("/status")
    while not status["done"]:
        await asyncio.sleep(0.05)
        status = await twin.get("/status")
        assert status["error"] is None
    return status


async def test_nothing_moves_before_the_start(serve_twin: Serve) -> None:
    async with serve_twin(one_hour()) as twin:
        status = await twin.get("/status")
        clock = await twin.get("/clock")

    assert (status["started"], status["events_played"], status["done"]) == (False, 0, False)
    assert clock["venue_time"] == WINDOW_START.isoformat()


async def test_every_trade_of_the_window_reaches_stream_and_data_api_in_order(serve_twin: Serve) -> None:
    scenario = one_hour()
    expected = [
        e.transaction_hash for e in scenario.events if isinstance(e, ExternalTrade) and e.at >= WINDOW_START
    ]
    async with serve_twin(scenario) as twin:
        async with connect(twin.urls["rtds_ws_url"], proxy=None) as socket:
            await socket.send(SUBSCRIBE)
            await socket.send("PING")
            assert await socket.recv() == "PONG"
            await twin.post("/start")
            heard = [json.loads(await asyncio.wait_for(socket.recv(), 20)) for _ in expected]
            await until_done(twin)
        async with twin.client() as client:
            start = int(WINDOW_START.timestamp())
            wallet = heard[0]["payload"]["proxyWallet"]
            rows = [r async for r in client.list_trades(user=wallet, start=start, taker_only=False).iter_items()]

    assert [message["payload"]["transactionHash"] for message in heard] == expected
    mine = [m["payload"]["transactionHash"] for m in heard if m["payload"]["proxyWallet"] == wallet]
    assert [row.transaction_hash for row in reversed(rows)] == mine


async def test_history_is_known_before_the_window_and_nothing_after_it(serve_twin: Serve) -> None:
    async with serve_twin(one_hour()) as twin:
        history = await twin.get("/history")
        earlier = await twin.get("/history?before=2026-01-01T00:00:00Z")
        wallets = await twin.get("/wallets")
        scenario = await twin.get("/scenario")

    assert max(trade["at"] for trade in history["trades"]) < WINDOW_START.isoformat()
    assert max(row["at"] for row in history["resolutions"]) < WINDOW_START.isoformat()
    assert 0 < len(earlier["trades"]) < len(history["trades"])
    assert max(trade["at"] for trade in earlier["trades"]) < "2026-01-01"
    assert sum(wallet["skilled"] for wallet in wallets["wallets"]) == 6
    assert any("synthetic" in notice for notice in scenario["notices"])


async def test_a_skilled_wallets_past_can_be_read_through_the_data_api(serve_twin: Serve) -> None:
    async with serve_twin(one_hour()) as twin:
        wallets = await twin.get("/wallets")
        skilled = next(wallet["wallet"] for wallet in wallets["wallets"] if wallet["skilled"])
        history = await twin.get("/history")
        async with twin.client() as client:
            rows = [r async for r in client.list_trades(user=skilled, taker_only=False).iter_items()]
            closed = [r async for r in client.list_positions(user=skilled, status="REDEEMABLE").iter_items()]

    assert len(rows) == sum(trade["wallet"] == skilled for trade in history["trades"])
    assert len(closed) > 30


async def test_books_are_quoted_from_the_start_and_stay_sound(serve_twin: Serve) -> None:
    async with serve_twin(one_hour()) as twin:
        await twin.post("/start")
        await until_done(twin)
        async with twin.client() as client:
            markets = [m async for m in client.list_markets().iter_items()]
            tokens = [
                m.outcomes.yes.token_id for m in markets if m.state.accepting_orders and m.outcomes.yes.token_id
            ]
            books = await client.get_order_books(token_ids=tokens)
        twin.twin.exchange.assert_conserved()

    assert len(books) == len(tokens) > 30
    for book in books:
        if book.bids and book.asks:
            assert book.bids[-1].price < book.asks[-1].price
