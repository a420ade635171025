"""Looks at the feeds of a served twin: alive, silent, refused, and late by as much as the clocks say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from remora.domain.clock import VenueClock
from remora.venues.polymarket import feed_probe
from remora.venues.polymarket.feed_probe import FeedFacts
from tests.fixtures.twin import RunningTwin, TwinMarket

WHALE = "0x" + "ab" * 20
LATE = timedelta(seconds=20)


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


def clock(*, ahead: timedelta = timedelta(0)) -> VenueClock:
    """Return a venue's clock; when it is ahead, whatever the venue tells is that old."""
    return VenueClock(wall_origin=now(), venue_origin=now() + ahead)


@pytest.fixture
async def busy(twin: RunningTwin, twin_market: TwinMarket) -> AsyncIterator[TwinMarket]:
    """Let a whale trade all the time."""

    async def trade() -> None:
        while True:
            await twin.post("/trades", wallet=WHALE, token_id=twin_market.yes, side="BUY", price=0.5, size=10)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(trade())
    yield twin_market
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _looks(twin: RunningTwin, market: TwinMarket, at: VenueClock) -> list[FeedFacts]:
    return list(
        await asyncio.gather(
            feed_probe.look_at_activity(twin.urls["rtds_ws_url"], at, now),
            feed_probe.look_at_market(twin.urls["market_ws_url"], [market.yes], at, now),
        )
    )


async def test_what_a_feed_tells_is_as_old_as_the_clocks_say(twin: RunningTwin, busy: TwinMarket) -> None:
    fresh, late = await _looks(twin, busy, clock()), await _looks(twin, busy, clock(ahead=LATE))

    for young, old in zip(fresh, late, strict=True):
        assert not young.trouble
        assert not old.trouble
        assert young.lag is not None
        assert old.lag is not None
        assert young.lag < LATE <= old.lag + timedelta(seconds=1)


async def test_a_silent_feed_and_one_that_is_not_there_are_told_apart(
    twin: RunningTwin, twin_market: TwinMarket
) -> None:
    await twin.post("/faults", kind="ws_silent", seconds=60, on="market")
    silent = await feed_probe.look_at_market(twin.urls["market_ws_url"], [twin_market.yes], clock(), now)
    gone = await feed_probe.look_at_activity("ws://127.0.0.1:9", clock(), now)

    assert "no answer to a ping" in silent.trouble
    assert "cannot be opened" in gone.trouble


async def test_the_user_channel_answers_an_account_and_closes_on_a_stranger(twin: RunningTwin) -> None:
    client = await twin.secure_client()
    made = client.credentials
    await client.close()
    auth = {"apiKey": made.key, "secret": made.secret, "passphrase": made.passphrase}

    known = await feed_probe.look_at_user(twin.urls["user_ws_url"], auth, clock(), now)
    stranger = await feed_probe.look_at_user(twin.urls["user_ws_url"], auth | {"secret": "no"}, clock(), now)

    assert (known.trouble, known.answered_after is not None) == ("", True)
    assert stranger.trouble == "closed by the venue (1008)"


async def test_nodes_are_told_apart_by_chain_age_and_pushes(twin: RunningTwin) -> None:
    base = twin.urls["rpc_ws_url"]
    await twin.post("/chain/faults", node="foreign", chain_id=80002)
    await twin.post("/chain/faults", node="mute", mute=True)

    names = ("good", "foreign", "mute")
    good, foreign, mute = await asyncio.gather(
        *(feed_probe.look_at_node(f"{base}/{name}", clock(), now) for name in names)
    )
    old = await feed_probe.look_at_node(f"{base}/good", clock(ahead=timedelta(minutes=1)), now)
    gone = await feed_probe.look_at_node("ws://127.0.0.1:9", clock(), now)

    assert (good.trouble, good.pushed_after is not None) == ("", True)
    assert "expected chain 137, the node serves 80002" in foreign.trouble
    assert (mute.trouble, mute.pushed_after) == ("", None)
    assert old.head_age is not None
    assert old.head_age > timedelta(seconds=50)
    assert "cannot be used" in gone.trouble
