import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from websockets.asyncio.client import connect

from remora.domain.ids import OrderDigest, TokenId
from remora.domain.money import Side
from remora.domain.orders import OrderType
from remora.venues.twin.assembly import TwinOptions
from remora.venues.twin.engine.records import NewOrder, Placed
from remora.venues.twin.replay_clock import wall_now
from tests.venues.twin.conftest import RunningTwin, Serve

OURS = "0x" + "ab" * 20


def buy(twin: RunningTwin, token: str, dollars: int, shares: int) -> Placed:
    exchange, clock = twin.twin.exchange, twin.twin.clock
    order = NewOrder(
        digest=OrderDigest("0x" + "01" * 32),
        owner=OURS,
        api_key="key",
        token_id=TokenId(token),
        side=Side.BUY,
        maker_amount=dollars,
        taker_amount=shares,
        order_type=OrderType.FAK,
        post_only=False,
        expiration=0,
        received_at=wall_now(),
    )
    placed = exchange.place(order, now=clock.now(), wall=wall_now())
    assert isinstance(placed, Placed), placed
    return placed


async def bought(twin: RunningTwin) -> dict[str, Any]:
    made = await twin.post("/markets", question="Ours?", price=0.5)
    await twin.post("/accounts", address=OURS, cash=100)
    buy(twin, made["tokens"][0], 10_200_000, 20_000_000)
    twin.twin.stage.advance()
    return made


async def test_our_own_fill_shows_in_every_public_feed_once_it_is_mined(empty_twin: RunningTwin) -> None:
    made = await bought(empty_twin)
    async with empty_twin.client() as client:
        trades = [row async for row in client.list_trades(user=OURS).iter_items()]
        positions = [row async for row in client.list_positions(user=OURS).iter_items()]

    assert [(row.asset_id, row.side) for row in trades] == [(made["tokens"][0], "BUY")]
    assert trades[0].transaction_hash.startswith("0x")
    assert positions[0].current_size == trades[0].size


async def test_a_print_of_others_is_told_on_the_market_channel(empty_twin: RunningTwin) -> None:
    made = await empty_twin.post("/markets", question="Printed?", price=0.5)
    token = made["tokens"][1]
    async with connect(empty_twin.urls["market_ws_url"], proxy=None) as socket:
        await socket.send(json.dumps({"type": "market", "assets_ids": [token]}))
        first = json.loads(await asyncio.wait_for(socket.recv(), 5))
        sent = await empty_twin.post(
            "/trades", wallet="0x" + "c3" * 20, token_id=token, side="SELL", price=0.4567, size=219.25
        )
        message = json.loads(await asyncio.wait_for(socket.recv(), 5))

    assert (first[0] if isinstance(first, list) else first)["event_type"] == "book"
    assert message["event_type"] == "last_trade_price"
    assert (message["asset_id"], message["price"], message["size"]) == (token, "0.4567", "219.25")
    assert (message["side"], message["transaction_hash"]) == ("SELL", sent["transaction_hash"])


async def test_redeeming_credits_the_payout_and_shows_as_activity(empty_twin: RunningTwin) -> None:
    made = await bought(empty_twin)
    early = await empty_twin.control.post("/redeem", json={"address": OURS, "condition_id": made["condition_id"]})
    await empty_twin.post("/resolve", condition_id=made["condition_id"], payouts=[1, 0])
    credited = await empty_twin.post("/redeem", address=OURS, condition_id=made["condition_id"])
    again = await empty_twin.post("/redeem", address=OURS, condition_id=made["condition_id"])
    books = await empty_twin.get(f"/books/{OURS}")
    async with empty_twin.client() as client:
        kinds = [type(row).__name__ async for row in client.list_activity(user=OURS).iter_items()]
        held = [row async for row in client.list_positions(user=OURS, status="REDEEMABLE").iter_items()]

    assert early.status_code == 409
    assert Decimal(credited["credited"]) == Decimal(books["fills"][0]["shares"])
    assert Decimal(again["credited"]) == 0
    assert books["shares"] == {}
    assert kinds == ["RedeemActivity", "TradeActivity"]
    assert held == []


async def test_the_operator_redeems_by_itself_when_asked_to(serve_twin: Serve) -> None:
    options = TwinOptions(auto_redeem_after=timedelta(0), mined_after=timedelta(0), confirmed_after=timedelta(0))
    async with serve_twin(None, options) as twin:
        made = await bought(twin)
        await twin.post("/resolve", condition_id=made["condition_id"], payouts=[1, 0])
        twin.twin.stage.advance()
        books = await twin.get(f"/books/{OURS}")

    assert books["shares"] == {}
    assert len(books["redemptions"]) == 1
    twin.twin.exchange.assert_conserved()
