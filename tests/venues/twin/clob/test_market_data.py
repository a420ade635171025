"""Books and prices, as the official client reads them."""

from decimal import Decimal

import httpx
import pytest
from polymarket import PriceRequest, RequestRejectedError

from tests.fixtures.twin import NO_TLS, RunningTwin, TwinMarket

D = Decimal
UNKNOWN = "1" * 70


async def test_a_book_ends_with_its_best_levels_and_mirrors_its_opposite(
    twin: RunningTwin, twin_market: TwinMarket
) -> None:
    async with twin.client() as client:
        yes, no = await client.get_order_books(token_ids=[twin_market.yes, twin_market.no])
        alone = await client.get_order_book(token_id=twin_market.yes)

    bids, asks = [row.price for row in yes.bids], [row.price for row in yes.asks]
    assert bids == sorted(bids)
    assert asks == sorted(asks, reverse=True)
    assert bids[-1] < asks[-1]
    assert [(1 - row.price, row.size) for row in yes.bids] == [(row.price, row.size) for row in no.asks]
    assert (alone.bids, alone.asks, alone.hash) == (yes.bids, yes.asks, yes.hash)
    assert (yes.condition_id, yes.asset_id) == (twin_market.condition_id, twin_market.yes)
    assert (yes.tick_size, yes.min_order_size, yes.neg_risk) == (D("0.01"), D(5), False)


async def test_the_book_is_strings_and_digits_on_the_wire(twin: RunningTwin, twin_market: TwinMarket) -> None:
    async with httpx.AsyncClient(base_url=twin.urls["clob_url"], trust_env=False, verify=NO_TLS) as raw:
        book = (await raw.get("/book", params={"token_id": twin_market.yes})).json()

    assert book["timestamp"].isdecimal()
    assert len(book["timestamp"]) == 13
    assert all(isinstance(value, str) for row in book["bids"] + book["asks"] for value in row.values())
    assert isinstance(book["tick_size"], str)
    assert isinstance(book["min_order_size"], str)


async def test_prices_singly_and_in_batches_agree_with_the_book(
    twin: RunningTwin, twin_market: TwinMarket
) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.47", ask="0.50", size="100")
    tokens = [twin_market.yes, twin_market.no]
    async with twin.client() as client:
        assert await client.get_midpoint(token_id=twin_market.yes) == D("0.485")
        assert await client.get_midpoints(token_ids=tokens) == {tokens[0]: D("0.485"), tokens[1]: D("0.515")}
        assert await client.get_spread(token_id=twin_market.no) == D("0.03")
        assert await client.get_spreads(token_ids=tokens) == dict.fromkeys(tokens, D("0.03"))
        assert await client.get_price(token_id=twin_market.yes, side="BUY") == D("0.47")
        assert await client.get_price(token_id=twin_market.yes, side="SELL") == D("0.5")
        asked = [PriceRequest(tokens[0], "BUY"), PriceRequest(tokens[0], "SELL"), PriceRequest(tokens[1], "BUY")]
        assert await client.get_prices(requests=asked) == {
            tokens[0]: {"BUY": D("0.47"), "SELL": D("0.5")},
            tokens[1]: {"BUY": D("0.5")},
        }


async def test_the_last_trade_is_told_once_there_is_one(twin: RunningTwin, twin_market: TwinMarket) -> None:
    untraded = await twin.list_market("Will anybody trade?")
    async with twin.client() as client:
        assert await client.get_last_trade_price(token_id=twin_market.yes) is None
        await twin.post(
            "/trades", wallet="0x" + "ab" * 20, token_id=twin_market.yes, side="SELL", price="0.44", size="10"
        )
        last = await client.get_last_trade_price(token_id=twin_market.yes)
        rows = await client.get_last_trade_prices(token_ids=[twin_market.yes, twin_market.no, untraded.yes])

    assert last is not None
    assert (last.price, last.side) == (D("0.44"), "SELL")
    assert {row.asset_id: row.price for row in rows} == {twin_market.yes: D("0.44"), twin_market.no: D("0.56")}


async def test_batches_name_only_what_they_know(twin: RunningTwin, twin_market: TwinMarket) -> None:
    async with twin.client() as client:
        books = await client.get_order_books(token_ids=[UNKNOWN, twin_market.yes])
        assert [book.asset_id for book in books] == [twin_market.yes]
        assert await client.get_midpoints(token_ids=[UNKNOWN]) == {}
        with pytest.raises(
            RequestRejectedError, match="No orderbook exists for the requested token id"
        ) as refused:
            await client.get_order_book(token_id=UNKNOWN)

    assert refused.value.status == 404


async def test_tick_and_contract_of_each_market(
    twin: RunningTwin, twin_market: TwinMarket, twin_neg_risk_market: TwinMarket
) -> None:
    async with httpx.AsyncClient(base_url=twin.urls["clob_url"], trust_env=False, verify=NO_TLS) as raw:
        for market, tick, neg_risk in ((twin_market, 0.01, False), (twin_neg_risk_market, 0.001, True)):
            asked = {"token_id": market.no}
            assert (await raw.get("/tick-size", params=asked)).json() == {"minimum_tick_size": tick}
            assert (await raw.get("/neg-risk", params=asked)).json() == {"neg_risk": neg_risk}
            by_token = (await raw.get(f"/markets-by-token/{market.no}")).json()
            assert by_token["condition_id"] == market.condition_id
            facts = (await raw.get(f"/clob-markets/{market.condition_id}")).json()
            assert [row["t"] for row in facts["t"]] == [market.yes, market.no]
            assert (facts["mts"], facts["mos"], facts["nr"]) == (tick, 5, neg_risk)
        for path in ("/tick-size", "/neg-risk", "/midpoint", "/spread", "/last-trade-price", "/fee-rate"):
            answer = await raw.get(path, params={"token_id": UNKNOWN})
            assert (answer.status_code, list(answer.json())) == (404, ["error"])
            assert answer.headers["content-type"] == "application/json"


async def test_a_market_without_a_book_has_one_that_is_empty(twin: RunningTwin) -> None:
    bare = await twin.list_market("Does anybody quote?", depth_usd=0)
    async with twin.client() as client:
        book = await client.get_order_book(token_id=bare.yes)
        with pytest.raises(RequestRejectedError):
            await client.get_midpoint(token_id=bare.yes)

    assert (book.bids, book.asks) == ((), ())
