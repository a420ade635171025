"""The venue's first client: it still signs in and reads, and its orders are refused by version."""

import asyncio
from typing import Any

import pytest

from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of


def _client(twin: RunningTwin) -> Any:
    from py_clob_client.client import ClobClient

    client = ClobClient(twin.urls["clob_url"], chain_id=137, key=OUR_KEY)
    client.set_api_creds(client.create_or_derive_api_creds())
    return client


async def test_it_signs_in_twice_and_reads_its_account(twin: RunningTwin, twin_market: TwinMarket) -> None:
    def session() -> None:
        from py_clob_client.clob_types import AssetType, BalanceAllowanceParams

        client, again = _client(twin), _client(twin)
        assert client.creds == again.creds
        assert client.get_address() == address_of(OUR_KEY)
        assert client.get_api_keys() == {"apiKeys": [client.creds.api_key]}
        assert client.get_closed_only_mode() == {"closed_only": False}
        assert client.get_orders() == []
        assert client.get_trades() == []
        cash = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL, signature_type=0)
        assert client.get_balance_allowance(cash)["balance"] == "10000000000"
        assert client.cancel_all() == {"canceled": [], "not_canceled": {}}

    await asyncio.to_thread(session)


async def test_it_reads_what_everybody_may_read(twin: RunningTwin, twin_market: TwinMarket) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.47", ask="0.50", size="100")

    def session() -> None:
        from py_clob_client.client import ClobClient
        from py_clob_client.clob_types import BookParams

        client = ClobClient(twin.urls["clob_url"])
        yes = [BookParams(token_id=twin_market.yes, side="BUY")]
        assert client.get_ok() == "OK"
        assert isinstance(client.get_server_time(), int)
        book = client.get_order_book(twin_market.yes)
        assert (book.bids[-1].price, book.asks[-1].price) == ("0.47", "0.5")
        assert [one.asset_id for one in client.get_order_books(yes)] == [twin_market.yes]
        assert client.get_midpoint(twin_market.yes) == {"mid": "0.485"}
        assert client.get_midpoints(yes) == {twin_market.yes: "0.485"}
        assert client.get_price(twin_market.yes, "BUY") == {"price": "0.47"}
        assert client.get_prices(yes) == {twin_market.yes: {"BUY": "0.47"}}
        assert client.get_spread(twin_market.yes) == {"spread": "0.03"}
        assert client.get_spreads(yes) == {twin_market.yes: "0.03"}
        assert client.get_last_trade_price(twin_market.yes)["side"] == ""
        assert client.get_last_trades_prices(yes) == []
        assert client.get_tick_size(twin_market.yes) == "0.01"
        assert client.get_neg_risk(twin_market.yes) is False
        assert client.get_fee_rate_bps(twin_market.yes) == 0
        listed = client.get_markets()
        assert (listed["next_cursor"], [row["condition_id"] for row in listed["data"]]) == (
            "LTE=",
            [twin_market.condition_id],
        )
        assert client.get_simplified_markets()["count"] == 1
        assert client.get_market(twin_market.condition_id)["tokens"][0]["token_id"] == twin_market.yes

    await asyncio.to_thread(session)


async def test_its_orders_are_refused_by_version(twin: RunningTwin, twin_market: TwinMarket) -> None:
    def session() -> None:
        from py_clob_client.clob_types import MarketOrderArgs, OrderArgs, OrderType
        from py_clob_client.exceptions import PolyApiException

        client = _client(twin)
        limit = client.create_order(OrderArgs(price=0.4, size=10, side="BUY", token_id=twin_market.yes))
        market = client.create_market_order(MarketOrderArgs(token_id=twin_market.yes, amount=10, side="BUY"))
        for order, kind in ((limit, OrderType.GTC), (market, OrderType.FOK)):
            with pytest.raises(PolyApiException) as refused:
                client.post_order(order, kind)
            assert refused.value.status_code == 400
            assert refused.value.error_msg == {"error": "order_version_mismatch"}

    await asyncio.to_thread(session)
    assert (await twin.books())["orders"] == []
