from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.money import ONE, Side
from remora.venues.twin.scenario.ladder import EMPTY, ladder, touch_after_trade, touch_around

TICKS = st.sampled_from([Decimal("0.01"), Decimal("0.001")])
PRICES = st.decimals("0.0001", "0.9999", places=6)


@given(price=PRICES, tick=TICKS, side=st.sampled_from(list(Side)), spread=st.integers(1, 6))
def test_a_print_leaves_a_touch_on_tick_inside_the_interval(
    price: Decimal, tick: Decimal, side: Side, spread: int
) -> None:
    bid, ask = touch_after_trade(price, side, tick, spread)

    assert tick <= bid < ask <= ONE - tick
    assert bid % tick == 0
    assert ask % tick == 0


@given(price=st.decimals("0.05", "0.95", places=6), tick=TICKS, side=st.sampled_from(list(Side)))
def test_whoever_copies_a_print_never_gets_a_better_price(price: Decimal, tick: Decimal, side: Side) -> None:
    bid, ask = touch_after_trade(price, side, tick, 1)

    assert ask >= price if side is Side.BUY else bid <= price


@given(mid=PRICES, tick=TICKS, spread=st.integers(1, 6), depth=st.decimals("1", "100000", places=2))
def test_a_ladder_never_crosses_and_stays_on_tick(
    mid: Decimal, tick: Decimal, spread: int, depth: Decimal
) -> None:
    bid, ask = touch_around(mid, tick, spread)
    made = ladder(bid, ask, tick, depth)
    bids, asks = [level.price for level in made.bids], [level.price for level in made.asks]

    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert all(tick <= price <= ONE - tick and price % tick == 0 for price in bids + asks)
    assert all(level.size > 0 for level in made.bids + made.asks)
    assert max(bids, default=Decimal(0)) < min(asks, default=ONE)


def test_no_money_means_no_levels() -> None:
    assert ladder(Decimal("0.4"), Decimal("0.41"), Decimal("0.01"), Decimal(0)) == EMPTY
