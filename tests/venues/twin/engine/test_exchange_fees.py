"""The taker's fee: what was charged on chain, and where every charged dollar went."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.domain.fees import taker_fee
from remora.domain.ids import TokenId
from remora.domain.money import Side, micros
from remora.venues.twin.engine.plan import fee, meet
from remora.venues.twin.engine.records import FEES, UNIT, Listing
from tests.venues.twin.engine.market_values import CONDITION, NO, YES, accepted, funded, order, place, spec
from tests.venues.twin.engine.test_plan import resting

D = Decimal
ONCHAIN = Path(__file__).parents[4] / "../shared/data/reference/onchain_taker_fees.csv"


@pytest.mark.skipif(not ONCHAIN.exists(), reason="the folder with recorded fees is not beside the checkout")
def test_the_fee_of_a_match_is_the_one_charged_on_chain() -> None:
    with ONCHAIN.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11
    for row in rows:
        shares = int(row["taker_amount_filled"] if row["side"] == "BUY" else row["maker_amount_filled"])
        price = micros(D(row["price"]))
        steps = meet(resting(Side.BUY, price, shares), [resting(Side.SELL, price, shares)])

        assert sum(step.shares for step in steps) == shares
        assert fee(steps, Listing(spec(fee_rate=row["fee_rate"]), tick=1_000)) == int(row["fee"])


LEGS = st.tuples(
    st.sampled_from([(YES, Side.BUY), (YES, Side.SELL), (NO, Side.BUY), (NO, Side.SELL)]),
    st.integers(1, 99).map(lambda cents: D(cents) / 100),
    st.integers(500, 4_000).map(lambda hundredths: D(hundredths) / 100),
    st.sampled_from(["0xa", "0xb"]),
)


@settings(max_examples=150, deadline=None)
@given(legs=st.lists(LEGS, min_size=2, max_size=12), rate=st.sampled_from(["0", "0.03", "0.04", "0.05", "0.07"]))
def test_whatever_two_accounts_do_the_fees_account_holds_exactly_what_takers_paid(
    legs: list[tuple[tuple[TokenId, Side], Decimal, Decimal, str]], rate: str
) -> None:
    exchange = funded("0xa", "0xb", cash="500", listed=spec(fee_rate=rate))
    accepted(exchange, order(1, Side.BUY, "0.5", "50", owner="0xa", token=YES))
    accepted(exchange, order(2, Side.BUY, "0.5", "50", owner="0xb", token=NO))
    for number, ((token, side), price, shares, owner) in enumerate(legs, start=3):
        place(exchange, order(number, side, str(price), str(shares), owner=owner, token=token))

    trades = list(exchange.trades.values())
    expected = [
        taker_fee(D(trade.shares) / UNIT, D(trade.price) / UNIT, D(rate)).quantize(D("0.00001"))
        for trade in trades
    ]
    assert [D(trade.fee) / UNIT for trade in trades] == expected
    assert exchange.accounts[FEES].cash == sum(trade.fee for trade in trades)
    assert sum(exchange.account(owner).fees for owner in ("0xa", "0xb")) == exchange.accounts[FEES].cash
    cash = sum(exchange.account(owner).cash for owner in ("0xa", "0xb", FEES))
    assert cash + exchange.listings[CONDITION].pool == 1_000 * UNIT
    exchange.assert_conserved()
