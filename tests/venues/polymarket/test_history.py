import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.history import BadPage, PublicHistory
from remora.venues.polymarket.pacing import Pacing
from remora.venues.venue import VenueRefused, VenueUnavailable
from tests.fixtures.twin import RunningTwin, TwinMarket
from tests.venues.polymarket.answers import Answers, answering, page

WALLET = "0x" + "c3" * 20


@contextlib.asynccontextmanager
async def history_of(*answers: Response) -> AsyncIterator[tuple[PublicHistory, Answers]]:
    async with (
        answering(*answers) as (endpoints, given),
        PublicHistory(endpoints, pacing=Pacing(1000, clock=time.monotonic)) as history,
    ):
        yield history, given


async def rows_of(history: PublicHistory) -> list[dict[str, Any]]:
    return [row async for rows in history.activity(WALLET, since=None) for row in rows]


async def test_pages_are_followed_from_the_very_first_trade_past_the_cache() -> None:
    async with history_of(page({"n": 1}, cursor="a"), page({"n": 2})) as (history, given):
        found = await rows_of(history)

    assert [row["n"] for row in found] == [1, 2]
    # without a start the venue goes back three years only; the same address is served from a cache
    assert [asked["start"] for asked in given.asked] == ["1", "1"]
    assert given.asked[1]["cursor"] == "a"
    assert given.asked[0]["_"] != given.asked[1]["_"]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([page({"n": 1}, more=True)], "contradicts"),
        ([page({"n": 1}, cursor="a", more=False)], "contradicts"),
        ([page(cursor="a"), page(cursor="a"), page(cursor="a")], "came twice"),
        ([JSONResponse({"rows": []})], "expected data and pagination"),
        ([JSONResponse([1])], "expected an object"),
        ([Response("<html>")], "expected JSON"),
    ],
)
async def test_a_page_that_breaks_the_contract_is_told(answers: list[Response], told: str) -> None:
    async with history_of(*answers) as (history, _):
        with pytest.raises(BadPage, match=told):
            await rows_of(history)


async def test_a_busy_venue_is_asked_again_after_the_wait_it_wants() -> None:
    busy = [JSONResponse({}, status_code=status, headers={"Retry-After": "0"}) for status in (429, 503)]
    async with history_of(*busy, page({"n": 1})) as (history, given):
        found = await rows_of(history)

    assert (len(found), len(given.asked)) == (1, 3)


async def test_a_wait_beyond_patience_is_unavailability() -> None:
    async with history_of(JSONResponse({}, status_code=429, headers={"Retry-After": "3600"})) as (history, _):
        with pytest.raises(VenueUnavailable):
            await rows_of(history)


async def test_a_refusal_is_not_repeated() -> None:
    async with history_of(JSONResponse({"error": "user"}, status_code=400)) as (history, given):
        with pytest.raises(VenueRefused, match="status 400"):
            await rows_of(history)

    assert len(given.asked) == 1


async def test_boards_feed_stats_and_markets_of_the_twin(twin: RunningTwin, twin_market: TwinMarket) -> None:
    for side, price in (("BUY", 0.51), ("BUY", 0.52), ("SELL", 0.49)):
        await twin.post("/trades", wallet=WALLET, token_id=twin_market.yes, side=side, price=price, size=20)
    await twin.post("/resolve", condition_id=twin_market.condition_id, payouts=["0.5", "0.5"])
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    async with PublicHistory(endpoints, pacing=Pacing(1000, clock=time.monotonic), page=2) as history:
        leaders = await history.leaders(count=5)
        recent = await history.recent_traders(pages=3)
        rows = await rows_of(history)
        traded = await history.markets_traded(WALLET)
        unknown = await history.markets_traded("0x" + "99" * 20)
        (market,) = await history.markets([twin_market.condition_id, "0x" + "7" * 64])

    assert WALLET in leaders
    assert WALLET in recent
    assert [(row["side"], row["price"]) for row in rows if row["type"] == "TRADE"] == [
        ("BUY", 0.51),
        ("BUY", 0.52),
        ("SELL", 0.49),
    ]
    assert (traded, unknown) == (1, None)
    assert market.payouts == (0.5, 0.5)
    assert market.resolved_at is not None
    assert market.category == "politics"
    assert market.fee_rate == 0.04


async def test_rows_that_cannot_be_used_are_left_out_and_the_others_kept() -> None:
    leaders = page({"user_id": WALLET.upper().replace("0X", "0x")}, {"user_id": 7}, {"name": "x"})
    traders = page({"proxy_wallet": "0x12"}, {"proxy_wallet": WALLET})
    async with history_of(leaders, page(), traders, JSONResponse({"data": {"trades": "many"}})) as (history, _):
        assert await history.leaders(count=5) == [WALLET]
        assert await history.recent_traders(pages=1) == [WALLET]
        with pytest.raises(BadPage, match="expected a count of trades"):
            await history.markets_traded(WALLET)
