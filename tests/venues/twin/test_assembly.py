from decimal import Decimal

from eth_account import Account
from polymarket import AsyncSecureClient

from tests.venues.twin.conftest import RunningTwin


async def test_the_official_client_buys_sells_and_sees_itself_everywhere(empty_twin: RunningTwin) -> None:
    key = "0x" + "11" * 32
    address = Account.from_key(key).address
    made = await empty_twin.post("/markets", question="All of it?", price=0.5, category="Politics")
    await empty_twin.post("/accounts", address=address, cash=100)
    token = made["tokens"][0]
    async with await AsyncSecureClient.create(
        private_key=key, wallet=address, environment=empty_twin.environment()
    ) as client:
        bought = await client.place_market_order(asset_id=token, side="BUY", amount=10, max_price=Decimal("0.52"))
        empty_twin.twin.stage.advance()
        books = await empty_twin.get(f"/books/{address}")
        shares = Decimal(books["shares"][token])
        sold = await client.place_market_order(
            asset_id=token, side="SELL", shares=shares, min_price=Decimal("0.4")
        )
        empty_twin.twin.stage.advance()
    after = await empty_twin.get(f"/books/{address}")
    async with empty_twin.client() as public:
        rows = [row async for row in public.list_trades(user=address).iter_items()]

    assert [getattr(order, "status", order) for order in (bought, sold)] == ["matched", "matched"]
    assert Decimal(after["shares"].get(token, "0")) < Decimal("0.01"), "what the venue's precision leaves behind"
    assert {fill["status"] for fill in after["fills"]} == {"CONFIRMED"}
    assert Decimal(after["cash"]) < 100
    assert [row.side for row in rows] == ["SELL", "BUY"], "no residue of rounding makes a trade of its own"
    assert len({row.transaction_hash for row in rows}) == 2
    empty_twin.twin.exchange.assert_conserved()
