"""The venue's second client: signs in, reads, trades."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket


def _client(twin: RunningTwin) -> Any:
    from py_clob_client_v2.client import ClobClient

    client = ClobClient(twin.urls["clob_url"], chain_id=137, key=OUR_KEY)
    client.set_api_creds(client.create_or_derive_api_key())
    return client


async def test_it_signs_in_and_reads(
    twin: RunningTwin, twin_market: TwinMarket, twin_neg_risk_market: TwinMarket
) -> None:
    await twin.post("/quotes", token_id=twin_market.yes, bid="0.47", ask="0.50", size="100")

    def session() -> None:
        from py_clob_client_v2.clob_types import AssetType, BalanceAllowanceParams, BookParams

        client = _client(twin)
        yes = [BookParams(token_id=twin_market.yes, side="BUY")]
        assert _client(twin).creds == client.creds
        assert client.get_ok() == "OK"
        assert client.get_version() == 2
        assert client.get_api_keys() == {"apiKeys": [client.creds.api_key]}
        assert client.get_closed_only_mode() == {"closed_only": False}
        assert client.get_order_book(twin_market.yes)["bids"][-1] == {"price": "0.47", "size": "100"}
        assert len(client.get_order_books(yes)) == 1
        assert client.get_midpoint(twin_market.yes) == {"mid": "0.485"}
        assert client.get_prices(yes) == {twin_market.yes: {"BUY": "0.47"}}
        assert client.get_spread(twin_market.yes) == {"spread": "0.03"}
        assert client.get_tick_size(twin_neg_risk_market.yes) == "0.001"
        assert client.get_neg_risk(twin_neg_risk_market.yes) is True
        assert client.get_market(twin_market.condition_id)["minimum_tick_size"] == 0.01
        assert len(client.get_markets()["data"]) == 2
        assert client.get_open_orders() == []
        assert client.get_trades() == []
        cash = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
        assert client.get_balance_allowance(cash)["balance"] == "10000000000"

    await asyncio.to_thread(session)


@pytest.mark.parametrize("neg_risk", [False, True], ids=["standard", "neg_risk"])
async def test_its_orders_fill_on_both_contracts(twin: RunningTwin, neg_risk: bool) -> None:
    market = await twin.list_market("Does it fill?", neg_risk=neg_risk, fee_rate="0.04")
    await twin.post("/quotes", token_id=market.yes, bid="0.48", ask="0.50", size="100")

    def session() -> dict[str, Any]:
        from py_clob_client_v2.clob_types import MarketOrderArgs, OrderArgs, OrderPayload, OrderType

        client = _client(twin)
        bought: dict[str, Any] = client.create_and_post_market_order(
            MarketOrderArgs(token_id=market.yes, amount=20, side="BUY"), order_type=OrderType.FOK
        )
        resting = client.create_and_post_order(
            OrderArgs(token_id=market.yes, price=0.30, size=10, side="BUY"), order_type=OrderType.GTC
        )
        assert [row["id"] for row in client.get_open_orders()] == [resting["orderID"]]
        assert client.get_order(resting["orderID"])["price"] == "0.3"
        cancelled = client.cancel_order(OrderPayload(orderID=resting["orderID"]))
        assert cancelled["canceled"] == [resting["orderID"]]
        (trade,) = client.get_trades()
        assert (trade["id"], trade["taker_order_id"]) == (bought["tradeIDs"][0], bought["orderID"])
        assert bought["transactionsHashes"] == [trade["transaction_hash"]]
        sold: dict[str, Any] = client.create_and_post_market_order(
            MarketOrderArgs(token_id=market.yes, amount=15, side="SELL", price=0.4), order_type=OrderType.FAK
        )
        assert (sold["status"], sold["makingAmount"], sold["takingAmount"]) == ("matched", "15", "7.2")
        return bought

    bought = await asyncio.to_thread(session)

    books = await twin.books()
    assert (bought["status"], bought["makingAmount"], bought["takingAmount"]) == ("matched", "20", "40")
    assert books["shares"] == {market.yes: "25"}
    assert Decimal(books["cash"]) == 10_000 - 20 - Decimal("0.4") + Decimal("7.2") - Decimal("0.14976")
