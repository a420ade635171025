"""The venue's fee: what was charged on chain, and its shape."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.fees import FEE_QUANTUM, taker_fee
from remora.domain.money import from_micros
from tests.domain.values import d, decimals

ONCHAIN = Path(__file__).parents[2] / "../shared/data/reference/onchain_taker_fees.csv"


def test_the_fee_equals_every_fee_found_on_chain() -> None:
    if not ONCHAIN.exists():
        pytest.skip(f"optional data folder is absent: {ONCHAIN}")
    with ONCHAIN.open() as file:
        rows = list(csv.DictReader(file))
    charged = [from_micros(int(row["fee"])) for row in rows]
    ours = []
    for row in rows:
        column = "taker_amount_filled" if row["side"] == "BUY" else "maker_amount_filled"
        ours.append(taker_fee(from_micros(int(row[column])), d(row["price"]), d(row["fee_rate"])))

    assert len(rows) == 11
    assert ours == charged


@pytest.mark.parametrize(
    ("shares", "price", "rate", "fee"),
    [
        ("100", "0.5", "0.05", "1.25000"),
        ("7.575758", "0.66", "0.05", "0.08500"),
        ("2.083334", "0.48", "0.07", "0.03640"),
        ("1", "0.01", "0.001", "0.00000"),
        ("100", "0", "0.05", "0"),
        ("100", "1", "0.05", "0"),
    ],
)
def test_the_fee_is_floored_to_five_decimals(shares: str, price: str, rate: str, fee: str) -> None:
    assert taker_fee(d(shares), d(price), d(rate)) == d(fee)


@given(
    shares=decimals("0", "10000000", 6),
    price=decimals("0", "1", 4),
    rate=decimals("0", "0.2", 4),
    exponent=st.integers(1, 4),
)
def test_the_fee_lies_below_the_formula_by_less_than_its_quantum_and_mirrors_at_one_half(
    shares: Decimal, price: Decimal, rate: Decimal, exponent: int
) -> None:
    fee = taker_fee(shares, price, rate, exponent)
    exact = shares * rate * (price * (1 - price)) ** exponent

    assert 0 <= exact - fee < FEE_QUANTUM
    assert fee == taker_fee(shares, 1 - price, rate, exponent)


@pytest.mark.parametrize(
    ("shares", "price", "rate"), [("-1", "0.5", "0.1"), ("1", "1.1", "0.1"), ("1", "0.5", "-0.1")]
)
def test_impossible_arguments_are_errors(shares: str, price: str, rate: str) -> None:
    with pytest.raises(ValueError, match="must"):
        taker_fee(d(shares), d(price), d(rate))
