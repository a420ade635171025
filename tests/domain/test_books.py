"""Depth and level changes of an order book."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from remora.domain.books import Level, OrderBook
from remora.domain.money import Side
from tests.domain.values import NOW, book, books, d, decimals

sides = st.sampled_from(list(Side))


@given(ladder=books(), side=sides, shares=decimals("0.01", "1000000", 2))
def test_depth_never_exceeds_what_is_offered_or_asked(ladder: OrderBook, side: Side, shares: Decimal) -> None:
    levels = ladder.asks if side is Side.BUY else ladder.bids
    met = ladder.depth(side, shares)

    assert met.shares == min(shares, sum((level.size for level in levels), Decimal(0)))
    if met.average is not None and met.worst is not None:
        best = levels[0].price
        assert min(best, met.worst) - d("1e-20") <= met.average <= max(best, met.worst) + d("1e-20")


@given(ladder=books(two_sided=True), side=sides, shares=decimals("0.01", "1000", 2), more=decimals("0", "1000", 2))
def test_a_larger_order_never_gets_a_better_price(
    ladder: OrderBook, side: Side, shares: Decimal, more: Decimal
) -> None:
    small, large = ladder.depth(side, shares).average, ladder.depth(side, shares + more).average

    assert small is not None
    assert large is not None
    if side is Side.BUY:
        assert small <= large + d("1e-20")
    else:
        assert small >= large - d("1e-20")


@given(ladder=books(two_sided=True), limit=decimals("0.01", "0.99", 2))
def test_depth_stops_at_the_limit(ladder: OrderBook, limit: Decimal) -> None:
    worst_bought = ladder.depth(Side.BUY, d("1e9"), limit).worst
    worst_sold = ladder.depth(Side.SELL, d("1e9"), limit).worst

    assert worst_bought is None or worst_bought <= limit
    assert worst_sold is None or worst_sold >= limit


@given(ladder=books(), side=sides, price=decimals("0.01", "0.99", 2), size=decimals("0", "500", 2))
def test_replacing_a_level_keeps_the_order_and_the_other_levels(
    ladder: OrderBook, side: Side, price: Decimal, size: Decimal
) -> None:
    changed = ladder.with_level(side, Level(price, size), NOW)
    before = ladder.bids if side is Side.BUY else ladder.asks
    after = changed.bids if side is Side.BUY else changed.asks

    assert [level.price for level in after] == sorted((level.price for level in after), reverse=side is Side.BUY)
    assert {level for level in after if level.price != price} == {
        level for level in before if level.price != price
    }
    assert [level.size for level in after if level.price == price] == ([size] if size > 0 else [])
    assert changed.with_level(side, Level(price, size), NOW) == changed


def test_an_empty_book_has_no_prices() -> None:
    empty = book(bids=(), asks=())

    assert (empty.best_bid, empty.best_ask, empty.spread, empty.mid) == (None, None, None, None)
    assert empty.depth(Side.SELL, d("5")).average is None
