"""Every way to take an order back, and the dead man's switch."""

from datetime import timedelta

import pytest
from polymarket import AcceptedOrder, AsyncSecureClient, OrderHeartbeatMismatchError, RequestRejectedError

from tests.fixtures.twin import OTHER_KEY, RunningTwin, TwinMarket
from tests.venues.twin.clob.raw_client import raw_client

NOWHERE = "0x" + "ab" * 32


async def _rest(client: AsyncSecureClient, token: str, price: str = "0.2") -> str:
    made = await client.place_limit_order(token_id=token, price=price, size="10", side="BUY")
    assert isinstance(made, AcceptedOrder)
    return made.order_id


async def _resting(client: AsyncSecureClient) -> set[str]:
    return {order.id async for order in client.list_open_orders().iter_items()}


async def test_one_order_is_cancelled_once(ours: AsyncSecureClient, quiet: TwinMarket) -> None:
    kept, gone = await _rest(ours, quiet.yes), await _rest(ours, quiet.yes)

    first = await ours.cancel_order(order_id=gone)
    again = await ours.cancel_order(order_id=gone)

    assert (first.canceled, first.not_canceled) == ((gone,), {})
    assert again.canceled == ()
    assert list(again.not_canceled) == [gone]
    assert await _resting(ours) == {kept}


async def test_several_orders_are_cancelled_as_far_as_they_are_ours(
    ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    mine, theirs = await _rest(ours, quiet.yes), await _rest(others, quiet.yes)

    answer = await ours.cancel_orders(order_ids=[mine, theirs, NOWHERE])

    assert answer.canceled == (mine,)
    assert set(answer.not_canceled) == {theirs, NOWHERE}
    assert await _resting(others) == {theirs}


async def test_a_market_or_a_token_is_cleared_and_the_rest_stays(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    second = await twin.list_market("And the other?", depth_usd=0)
    yes, no, elsewhere = [await _rest(ours, token) for token in (quiet.yes, quiet.no, second.yes)]
    theirs = await _rest(others, quiet.yes)

    assert (await ours.cancel_market_orders(token_id=quiet.yes)).canceled == (yes,)
    assert await _resting(ours) == {no, elsewhere}
    assert (await ours.cancel_market_orders(market=second.condition_id)).canceled == (elsewhere,)
    assert (await ours.cancel_all()).canceled == (no,)
    assert (await ours.cancel_all()).canceled == ()
    assert await _resting(others) == {theirs}


async def test_cancelling_gives_the_reserved_money_back(
    twin: RunningTwin, ours: AsyncSecureClient, quiet: TwinMarket
) -> None:
    made = await ours.place_limit_order(token_id=quiet.yes, price="0.99", size="10000", side="BUY")
    assert isinstance(made, AcceptedOrder)
    with pytest.raises(RequestRejectedError, match="not enough balance / allowance"):
        await ours.place_limit_order(token_id=quiet.yes, price="0.99", size="200", side="BUY")

    await ours.cancel_order(order_id=made.order_id)

    assert await twin.cash() == 10_000
    assert await _rest(ours, quiet.yes, "0.99")


async def test_silence_after_a_heartbeat_cancels_everything_of_that_key_and_then_forgets_it(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, quiet: TwinMarket
) -> None:
    await _rest(ours, quiet.yes)
    theirs = await _rest(others, quiet.yes)
    first = await ours.send_order_heartbeat()
    with pytest.raises(OrderHeartbeatMismatchError) as mismatch:
        await ours.send_order_heartbeat()
    assert mismatch.value.heartbeat_id == first.heartbeat_id
    second = await ours.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
    assert second.heartbeat_id != first.heartbeat_id

    clock = twin.twin.clock
    twin.twin.exchange.advance(now=clock.now(), wall=clock.now() + timedelta(seconds=9))
    assert len(await _resting(ours)) == 1
    twin.twin.exchange.advance(now=clock.now(), wall=clock.now() + timedelta(seconds=11))

    assert await _resting(ours) == set()
    assert await _resting(others) == {theirs}
    later = await _rest(ours, quiet.yes)
    twin.twin.exchange.advance(now=clock.now(), wall=clock.now() + timedelta(seconds=60))
    assert await _resting(ours) == {later}, "the expired registration must not cancel what came later"
    await ours.send_order_heartbeat()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/order", None),
        ("/order", {"orderID": 7}),
        ("/order", {"orderID": ""}),
        ("/order", [NOWHERE]),
        ("/orders", {"orderIDs": [NOWHERE]}),
        ("/orders", [NOWHERE] * 3_001),
        ("/orders", [7]),
        ("/cancel-market-orders", [NOWHERE]),
        ("/cancel-market-orders", {"market": ["0x1"], "asset_id": 5}),
    ],
)
async def test_a_malformed_cancel_is_refused_and_cancels_nothing(
    twin: RunningTwin, others: AsyncSecureClient, quiet: TwinMarket, path: str, body: object
) -> None:
    await _rest(others, quiet.yes)
    async with raw_client(twin, OTHER_KEY) as raw:
        answer = await raw.call("DELETE", path, body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]
    assert len(await _resting(others)) == 1
