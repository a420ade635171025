"""Stakes: published Kelly numbers, the fee in the cost, the drawdown bound."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.fees import taker_fee
from remora.domain.sizing import all_in_cost, drawdown_kelly, kelly
from tests.domain.values import d, decimals

inner = st.floats(0.001, 0.999)
chances = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("probability", "cost", "share"),
    [("0.6", "0.5", "0.2"), ("0.55", "0.5", "0.1"), ("0.9", "0.8", "0.5"), ("0.3", "0.2", "0.125")],
)
def test_kelly_gives_the_published_shares(probability: str, cost: str, share: str) -> None:
    assert kelly(d(probability), d(cost)) == d(share)
    assert kelly(float(probability), float(cost)) == pytest.approx(float(share), abs=1e-15)


@given(probability=chances, cost=inner)
def test_kelly_is_zero_exactly_without_an_edge(probability: float, cost: float) -> None:
    share = kelly(probability, cost)

    assert (share <= 0) == (probability <= cost)
    assert 0 <= share <= 1


@given(probability=chances, more=chances, cost=inner)
def test_a_better_chance_never_lowers_the_stake(probability: float, more: float, cost: float) -> None:
    low, high = sorted((probability, more))

    assert kelly(low, cost) <= kelly(high, cost)


@pytest.mark.parametrize(
    ("probability", "cost"), [(0.5, 0.0), (0.5, 1.0), (1.1, 0.5), (-0.1, 0.5), (float("nan"), 0.5)]
)
def test_a_chance_or_cost_outside_its_range_is_an_error(probability: float, cost: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        kelly(probability, cost)


def test_all_in_cost_gives_the_published_number() -> None:
    assert all_in_cost(d("0.5"), d("0.05")) == d("0.5125")


@given(price=decimals("0.01", "0.99", 2), rate=decimals("0", "0.1", 3), exponent=st.integers(1, 3))
def test_all_in_cost_is_the_price_and_the_fee_of_one_share(price: Decimal, rate: Decimal, exponent: int) -> None:
    shares = d("1000000")

    fee = taker_fee(shares, price, rate, exponent)

    assert abs((all_in_cost(price, rate, exponent) - price) * shares - fee) < d("0.00001")


def test_drawdown_kelly_gives_the_published_share() -> None:
    full = kelly(0.55, 0.5)

    assert drawdown_kelly(0.55, 0.5, 0.7, 0.1) / full == pytest.approx(0.27, abs=0.005)


@given(probability=chances, cost=inner, floor=st.floats(0.05, 0.95), chance=st.floats(0.01, 0.99))
def test_drawdown_kelly_keeps_its_bound_and_never_exceeds_kelly(
    probability: float, cost: float, floor: float, chance: float
) -> None:
    share = drawdown_kelly(probability, cost, floor, chance)

    assert 0 <= share <= kelly(probability, cost)


@given(
    probability=st.floats(0.3, 0.9),
    edge=st.floats(0.02, 0.2),
    floor=st.floats(0.3, 0.9),
    chances=st.tuples(st.floats(0.02, 0.5), st.floats(0.02, 0.5)),
)
def test_tolerating_ruin_less_never_raises_the_stake(
    probability: float, edge: float, floor: float, chances: tuple[float, float]
) -> None:
    strict, lax = sorted(chances)
    cost = probability - edge

    assert (
        drawdown_kelly(probability, cost, floor, strict) <= drawdown_kelly(probability, cost, floor, lax) + 1e-12
    )


@pytest.mark.parametrize(("floor", "chance"), [(0.0, 0.1), (1.0, 0.1), (0.7, 0.0), (0.7, 1.0)])
def test_a_floor_or_tolerance_outside_its_range_is_an_error(floor: float, chance: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        drawdown_kelly(0.55, 0.5, floor, chance)
