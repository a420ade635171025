"""Two accounts meet: complementary, mint and merge matches, to the millionth, on both contracts."""

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from polymarket import AcceptedOrder, AsyncSecureClient

from remora.domain.money import micros
from remora.venues.twin.engine.records import FEES, UNIT
from tests.fixtures.twin import OTHER_KEY, OUR_KEY, RunningTwin, TwinMarket

D = Decimal
ONCHAIN = Path(__file__).parents[4] / "../shared/data/reference/onchain_taker_fees.csv"
CASH = D(10_000)


@dataclass(frozen=True)
class Leg:
    """One account's order of a match; `price` is per share of the token it names."""

    outcome: str
    side: Literal["BUY", "SELL"]
    price: str


@pytest.fixture(params=[False, True], ids=["standard", "neg_risk"])
async def market(twin: RunningTwin, request: pytest.FixtureRequest) -> TwinMarket:
    """List a market without depth on each of the two contracts."""
    return await twin.list_market(
        "Who meets whom?", price=0.5, fee_rate="0.05", neg_risk=request.param, depth_usd=0
    )


async def _send(client: AsyncSecureClient, market: TwinMarket, leg: Leg, size: str) -> AcceptedOrder:
    token = market.yes if leg.outcome == "yes" else market.no
    made = await client.place_limit_order(token_id=token, price=leg.price, size=size, side=leg.side)
    assert isinstance(made, AcceptedOrder), made
    return made


async def _mint(
    maker: AsyncSecureClient, taker: AsyncSecureClient, market: TwinMarket, size: str, *, yes_to: str
) -> None:
    """Give one account YES and the other NO, bought at 0.50 each."""
    first, second = ("no", "yes") if yes_to == "taker" else ("yes", "no")
    await _send(maker, market, Leg(first, "BUY", "0.5"), size)
    await _send(taker, market, Leg(second, "BUY", "0.5"), size)


async def _money(twin: RunningTwin) -> dict[str, Decimal]:
    fees = await twin.get(f"/books/{FEES}")
    return {"ours": await twin.cash(OUR_KEY), "others": await twin.cash(OTHER_KEY), "fees": D(fees["cash"])}


def _conserved(twin: RunningTwin, market: TwinMarket, *, pairs: str) -> None:
    """Every dollar and every share is somewhere, and `pairs` of shares exist."""
    exchange = twin.twin.exchange
    exchange.assert_conserved()
    (listing,) = [one for one in exchange.listings.values() if one.spec.condition_id == market.condition_id]
    assert listing.pool == micros(D(pairs))


async def test_a_mint_makes_a_pair_of_two_purchases(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, market: TwinMarket
) -> None:
    resting = await _send(others, market, Leg("no", "BUY", "0.44"), "50")
    taken = await _send(ours, market, Leg("yes", "BUY", "0.60"), "30")

    fee = D("0.36960")  # 0.05 * 30 * 0.56 * 0.44
    assert taken.status == "matched"
    assert await _money(twin) == {
        "ours": CASH - D("16.8") - fee,
        "others": CASH - D("13.2"),
        "fees": fee,
    }
    mine, theirs = await twin.books(OUR_KEY), await twin.books(OTHER_KEY)
    assert (mine["shares"], theirs["shares"]) == ({market.yes: "30"}, {market.no: "30"})
    assert (D(mine["fees"]), D(theirs["fees"])) == (fee, D(0))
    (fill,), (other,) = mine["fills"], theirs["fills"]
    assert (fill["role"], fill["price"], fill["notional"]) == ("TAKER", "0.56", "16.8")
    assert (other["role"], other["price"], other["notional"]) == ("MAKER", "0.44", "13.2")
    assert fill["trade_id"] == other["trade_id"] == taken.trade_ids[0]
    (open_order,) = (await others.list_open_orders().first_page()).items
    assert (open_order.id, open_order.size_matched) == (resting.order_id, D(30))
    _conserved(twin, market, pairs="30")


async def test_a_complementary_match_hands_shares_over(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, market: TwinMarket
) -> None:
    await _mint(others, ours, market, "40", yes_to="taker")
    before = await _money(twin)
    await _send(others, market, Leg("yes", "BUY", "0.37"), "25")
    taken = await _send(ours, market, Leg("yes", "SELL", "0.30"), "40")

    fee = D("0.29137")  # floor of 0.05 * 25 * 0.37 * 0.63 = 0.291375
    after = await _money(twin)
    assert (taken.making_amount, taken.taking_amount) == (D(25), D("9.25"))
    assert after == {
        "ours": before["ours"] + D("9.25") - fee,
        "others": before["others"] - D("9.25"),
        "fees": before["fees"] + fee,
    }
    assert (await twin.books(OUR_KEY))["shares"] == {market.yes: "15"}
    assert (await twin.books(OTHER_KEY))["shares"] == {market.no: "40", market.yes: "25"}
    _conserved(twin, market, pairs="40")


async def test_a_merge_dissolves_a_pair_of_two_sales(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, market: TwinMarket
) -> None:
    await _mint(others, ours, market, "40", yes_to="taker")
    before = await _money(twin)
    await _send(others, market, Leg("no", "SELL", "0.30"), "20")
    taken = await _send(ours, market, Leg("yes", "SELL", "0.65"), "20")

    fee = D("0.21000")  # the taker gets 1 - 0.30: 0.05 * 20 * 0.70 * 0.30
    after = await _money(twin)
    assert taken.taking_amount == D(14)
    assert after == {
        "ours": before["ours"] + D(14) - fee,
        "others": before["others"] + D(6),
        "fees": before["fees"] + fee,
    }
    assert (await twin.books(OUR_KEY))["shares"] == {market.yes: "20"}
    assert (await twin.books(OTHER_KEY))["shares"] == {market.no: "20"}
    _conserved(twin, market, pairs="20")


async def test_the_payout_returns_every_dollar_but_the_fees(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient, market: TwinMarket
) -> None:
    await _mint(others, ours, market, "40", yes_to="taker")
    await twin.post("/resolve", condition_id=market.condition_id, payouts=["1", "0"])
    for key in (OUR_KEY, OTHER_KEY):
        address = (await twin.books(key))["address"]
        await twin.post("/redeem", address=address, condition_id=market.condition_id)

    money = await _money(twin)
    assert money["ours"] == CASH + D(20) - money["fees"]
    assert money["others"] == CASH - D(20)
    _conserved(twin, market, pairs="0")


@pytest.mark.skipif(not ONCHAIN.exists(), reason="the folder with recorded fees is not beside the checkout")
async def test_sales_pay_the_fees_that_were_charged_on_chain(
    twin: RunningTwin, ours: AsyncSecureClient, others: AsyncSecureClient
) -> None:
    with ONCHAIN.open() as file:
        sales = [row for row in csv.DictReader(file) if row["side"] == "SELL"]
    assert len(sales) == 5
    for number, row in enumerate(sales):
        market = await twin.list_market(
            f"Sale {number}?",
            price=0.5,
            fee_rate=row["fee_rate"],
            neg_risk=row["exchange"] == "neg_risk",
            depth_usd=0,
        )
        size = str(D(row["maker_amount_filled"]) / UNIT)
        await _mint(others, ours, market, size, yes_to="taker")
        charged = D((await twin.get(f"/books/{FEES}"))["cash"])
        await _send(others, market, Leg("yes", "BUY", row["price"]), size)
        taken = await _send(ours, market, Leg("yes", "SELL", row["price"]), size)

        assert micros(taken.taking_amount) == int(row["taker_amount_filled"])
        assert micros(D((await twin.get(f"/books/{FEES}"))["cash"]) - charged) == int(row["fee"])
