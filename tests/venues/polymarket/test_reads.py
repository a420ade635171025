"""Public reads when the venue answers with nonsense: unavailable or left out, never booked."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.limiter import RateLimiter
from remora.venues.polymarket.public import PublicVenue
from remora.venues.venue import MarketUnknown, VenueUnavailable
from tests.venues.polymarket.answers import answering, page
from tests.venues.polymarket.wire.payloads import ACTIVITY, BOOK, GAMMA, OTHER, TOKEN, WALLET

WHALE = WalletAddress(WALLET)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the official client on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def venue_at(endpoints: Endpoints) -> PublicVenue:
    """Return the reads of a venue that keeps wall time."""
    from polymarket import AsyncPublicClient

    from remora.venues.polymarket import sdk

    clock = VenueClock(wall_origin=SINCE, venue_origin=SINCE)
    client = AsyncPublicClient(environment=sdk.environment(endpoints))
    return PublicVenue(client, endpoints, clock=clock, now=lambda: datetime.now(UTC), random=Random(1))


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>", media_type="text/html"),
        Response("[" * 50_000, media_type="application/json"),
        JSONResponse([]),
        JSONResponse({"data": []}),
        JSONResponse({"data": {}, "pagination": {"next_cursor": None}}),
        JSONResponse({"data": [], "pagination": {"next_cursor": 5}}),
        JSONResponse({"error": "busy"}, status_code=503),
    ],
    ids=range(7),
)
async def test_a_torn_page_of_trades_is_unavailable_and_can_be_asked_again(answer: Response) -> None:
    async with answering(answer, page(ACTIVITY[1])) as (endpoints, _):
        venue = venue_at(endpoints)
        with pytest.raises(VenueUnavailable):
            await venue.whale_trades(WHALE, since=SINCE)
        assert len(await venue.whale_trades(WHALE, since=SINCE)) == 1
        await venue.close()


async def test_a_wallets_trades_are_read_to_the_last_page_past_the_cache() -> None:
    pages = [page({**ACTIVITY[0], "transactionHash": f"0x{n:064x}"}, cursor=f"c{n}") for n in range(45)]
    async with answering(*pages, page(ACTIVITY[1])) as (endpoints, given):
        venue = venue_at(endpoints)
        venue.limiter = RateLimiter({"activity": 100_000})
        found = await venue.whale_trades(WHALE, since=SINCE)
        await venue.close()

    assert len(found) == 46
    assert [asked.get("cursor") for asked in given.asked] == [None, *(f"c{n}" for n in range(45))]
    assert len({asked["_"] for asked in given.asked}) == 46, "no two addresses are the same to a cache"
    assert {asked["user"] for asked in given.asked} == {WHALE}


async def test_pages_that_lead_in_a_circle_are_unavailable() -> None:
    async with answering(*(page(ACTIVITY[0], cursor="c1") for _ in range(2))) as (endpoints, _):
        venue = venue_at(endpoints)
        with pytest.raises(VenueUnavailable, match="came twice"):
            await venue.whale_trades(WHALE, since=SINCE)
        await venue.close()


async def test_malformed_rows_are_counted_and_the_others_kept() -> None:
    rows: list[Any] = [
        ACTIVITY[0],
        {**ACTIVITY[0], "size": "much"},
        None,
        {**ACTIVITY[0], "asset": 7},
        ACTIVITY[1],
    ]
    async with answering(page(*rows)) as (endpoints, _):
        venue = venue_at(endpoints)
        found = await venue.whale_trades(WHALE, since=SINCE)
        await venue.close()

    assert len(found) == 2
    assert venue.malformed_rows == {"bad_number": 1, "not_an_object": 1, "bad_token": 1}


async def test_a_holding_that_is_no_number_is_unknown() -> None:
    rows: list[Any] = ["row", {"token_id": OTHER, "current_size": 4}, {"token_id": TOKEN, "current_size": "NaN"}]
    async with answering(page(*rows), page(*rows)) as (endpoints, _):
        venue = venue_at(endpoints)
        assert await venue.whale_holding(WHALE, TokenId(TOKEN)) is None
        assert await venue.whale_holding(WHALE, TokenId(OTHER)) == Decimal(4)
        await venue.close()


async def test_a_holding_is_found_however_much_a_wallet_holds() -> None:
    pages = page({"token_id": OTHER, "current_size": 4}, cursor="c1"), page({"token_id": TOKEN, "current_size": 9})
    async with answering(*pages, page()) as (endpoints, given):
        venue = venue_at(endpoints)
        assert await venue.whale_holding(WHALE, TokenId(TOKEN)) == Decimal(9)
        assert await venue.whale_holding(WHALE, TokenId(TOKEN)) is None
        await venue.close()

    assert [asked.get("cursor") for asked in given.asked] == [None, "c1", None]


async def test_a_holding_is_asked_for_by_its_market_once_that_is_known() -> None:
    listed = JSONResponse({"markets": [GAMMA[0]], "next_cursor": None})
    token = json.loads(GAMMA[0]["clobTokenIds"])[0]
    async with answering(listed, page({"token_id": token, "current_size": 9})) as (endpoints, given):
        venue = venue_at(endpoints)
        market = await venue.market_of(TokenId(token))
        assert await venue.whale_holding(WHALE, TokenId(token)) == Decimal(9)
        await venue.close()

    assert given.asked[-1]["condition_id"] == market.condition_id


async def test_what_redemptions_paid_is_summed_over_every_page() -> None:
    redeemed = {"type": "REDEEM", "usdc_size": "2.5"}
    async with answering(page(redeemed, {"usdc_size": None}, cursor="next"), page(redeemed)) as (endpoints, given):
        venue = venue_at(endpoints)
        assert await venue.redeemed_by(WHALE, ConditionId("0x" + "ab" * 32)) == 5
        await venue.close()

    assert [asked.get("cursor") for asked in given.asked] == [None, "next"]


async def test_a_book_with_impossible_numbers_is_unavailable_and_left_out_of_a_batch() -> None:
    good = {name: value for name, value in BOOK.items() if name != "event_type"}
    bad = {**good, "bids": [{"price": "1.01", "size": "5"}]}
    answers = (JSONResponse(bad), JSONResponse([bad, {**good, "asset_id": OTHER}]))
    async with answering(*answers) as (endpoints, _):
        venue = venue_at(endpoints)
        with pytest.raises(VenueUnavailable, match=r"1\.01"):
            await venue.book(TokenId(TOKEN))
        books = await venue.books([TokenId(TOKEN), TokenId(OTHER)])
        await venue.close()

    assert [book.token_id for book in books] == [OTHER]


async def test_a_list_of_markets_without_the_token_is_an_unknown_market() -> None:
    empty: dict[str, Any] = {"markets": [], "next_cursor": None}
    stranger = {"markets": [{**GAMMA[0], "clobTokenIds": '["8", "9"]'}], "next_cursor": None}
    odd = {"markets": [{"clobTokenIds": 5}, {"clobTokenIds": "[["}, None]}
    answers = [JSONResponse(body) for body in (stranger, empty, odd, {"markets": 5})]
    async with answering(*answers) as (endpoints, given):
        venue = venue_at(endpoints)
        with pytest.raises(MarketUnknown, match="no market has the token"):
            await venue.market_of(TokenId(TOKEN))
        await venue.close()

    assert given.answers == [], "both kinds of market were looked through"
