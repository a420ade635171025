"""When a position is left, and at what price."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.books import OrderBook
from remora.domain.exits import (
    CrossingKind,
    CrossingMonitor,
    Dust,
    Thresholds,
    crossed,
    executable_bid,
    exit_order,
    share_to_sell,
    thresholds,
    urgent,
)
from remora.domain.limits import Limits
from remora.domain.market import ResolutionStatus
from remora.domain.money import Side
from remora.domain.orders import OrderRequest
from remora.domain.precision import SHARE_QUANTUM, on_tick
from remora.domain.reasons import ExitReason
from tests.domain.values import NOW, TICKS, book, books, d, decimals, market

LIMITS = Limits()
BOUNDS = Thresholds(stop_price=d("0.425"), target_price=d("0.65"), exit_at=None)
FALLEN = book(bids=(("0.40", "5000"),), asks=(("0.41", "5000"),))
FINE = book()
RISEN = book(bids=(("0.66", "5000"),), asks=(("0.67", "5000"),))


def bounds(entry: str, spread: str = "0.01", tick: str = "0.01") -> Thresholds:
    return thresholds(
        entry_price=d(entry),
        spread_paid=d(spread),
        tick_size=d(tick),
        end_at=NOW + timedelta(days=1),
        limits=LIMITS,
    )


def test_stop_and_target_are_fifteen_and_thirty_percent_from_the_entry() -> None:
    made = bounds("0.50")

    assert made.stop_price == d("0.425")
    assert made.target_price == d("0.65")
    assert made.exit_at == NOW + timedelta(hours=21)


def test_the_spread_alone_cannot_trigger_a_cheap_positions_stop() -> None:
    assert bounds("0.10", spread="0.02").stop_price == d("0.06")


def test_a_stop_below_zero_is_none() -> None:
    assert bounds("0.03", spread="0.02").stop_price is None


def test_the_target_never_exceeds_what_the_venue_pays() -> None:
    assert bounds("0.90").target_price == d("0.99")
    assert bounds("0.99").target_price is None


def test_a_market_without_an_end_has_no_timer() -> None:
    made = thresholds(entry_price=d("0.5"), spread_paid=d("0"), tick_size=d("0.01"), end_at=None, limits=LIMITS)

    assert made.exit_at is None


@given(
    entry=decimals("0.0001", "0.9999", 6),
    spread=decimals("-0.5", "0.9", 4),
    tick=st.sampled_from(TICKS),
    stop=decimals("0.01", "0.99", 2),
    profit=decimals("0.01", "5", 2),
)
def test_the_stop_lies_below_the_entry_and_the_target_above(
    entry: Decimal, spread: Decimal, tick: Decimal, stop: Decimal, profit: Decimal
) -> None:
    made = thresholds(
        entry_price=entry,
        spread_paid=spread,
        tick_size=tick,
        end_at=None,
        limits=Limits(stop_loss=stop, take_profit=profit),
    )

    assert made.stop_price is None or 0 < made.stop_price <= entry - max(stop * entry, 2 * tick)
    assert made.target_price is None or entry < made.target_price <= LIMITS.target_max


def test_the_executable_price_is_weighted_by_depth() -> None:
    assert executable_bid(book(bids=(("0.50", "100"), ("0.40", "100"))), d("200")) == d("0.45")
    assert executable_bid(book(bids=()), d("200")) is None


def test_a_crossing_is_judged_on_our_size_not_on_the_best_bid() -> None:
    thin = book(bids=(("0.49", "10"), ("0.30", "5000")))

    assert crossed(thin, d("5"), BOUNDS) is None
    assert crossed(thin, d("500"), BOUNDS) is CrossingKind.STOP_LOSS


@given(ladder=books(), shares=decimals("0.01", "10000", 2))
def test_only_one_threshold_is_crossed_and_none_without_bids(ladder: OrderBook, shares: Decimal) -> None:
    kind, price = crossed(ladder, shares, BOUNDS), executable_bid(ladder, shares)

    assert (kind is CrossingKind.STOP_LOSS) == (price is not None and price <= d("0.425"))
    bid = ladder.depth(Side.SELL, shares).notional
    assert (kind is CrossingKind.TAKE_PROFIT) == (
        price is not None and price >= d("0.65") and bid >= d("0.65") * shares
    )


def test_five_shares_bid_for_are_no_profit_on_a_thousand() -> None:
    assert crossed(book(bids=(("0.99", "5"),)), d("1000"), BOUNDS) is None
    assert crossed(book(bids=(("0.99", "700"),)), d("1000"), BOUNDS) is CrossingKind.TAKE_PROFIT
    assert crossed(book(bids=(("0.20", "5"),)), d("1000"), BOUNDS) is CrossingKind.STOP_LOSS


@pytest.mark.parametrize(
    ("reason", "left", "changes", "any_price"),
    [
        (ExitReason.PRE_RESOLUTION, timedelta(hours=2, minutes=1), {}, False),
        (ExitReason.PRE_RESOLUTION, timedelta(hours=2), {}, True),
        (ExitReason.STOP_LOSS, timedelta(hours=1), {}, False),
        (ExitReason.PRE_RESOLUTION, None, {}, False),
        (ExitReason.STOP_LOSS, None, {"resolution": ResolutionStatus.PROPOSED}, True),
    ],
)
def test_a_sale_takes_any_price_in_the_last_two_hours_or_once_a_resolution_is_proposed(
    reason: ExitReason, left: timedelta | None, changes: dict[str, Any], any_price: bool
) -> None:
    listed = market(end_at=None if left is None else NOW + left, **changes)

    assert urgent(reason, listed, NOW, LIMITS) is any_price


def monitor() -> CrossingMonitor:
    return CrossingMonitor(d("100"), BOUNDS, LIMITS.crossing_updates, LIMITS.crossing_age)


def at(ms: int) -> timedelta:
    return timedelta(milliseconds=ms)


def test_two_distinct_updates_make_a_crossing() -> None:
    watch = monitor()

    assert watch.update(FALLEN, 1, NOW) is None
    assert watch.update(FALLEN, 2, NOW + at(5)) is CrossingKind.STOP_LOSS


def test_the_same_update_twice_is_one_update() -> None:
    watch = monitor()
    watch.update(FALLEN, 1, NOW)

    assert watch.update(FALLEN, 1, NOW + at(5)) is None


def test_one_update_that_lasts_two_seconds_makes_a_crossing() -> None:
    watch = monitor()
    watch.update(FALLEN, 1, NOW)

    assert watch.elapsed(NOW + at(1999)) is None
    assert watch.elapsed(NOW + at(2000)) is CrossingKind.STOP_LOSS


def test_a_recovery_starts_the_count_again() -> None:
    watch = monitor()
    watch.update(FALLEN, 1, NOW)
    watch.update(FINE, 2, NOW + at(5))

    assert watch.update(FALLEN, 3, NOW + at(10)) is None
    assert watch.elapsed(NOW + at(2005)) is None


def test_from_one_threshold_to_the_other_the_count_starts_again() -> None:
    watch = monitor()
    watch.update(FALLEN, 1, NOW)

    assert watch.update(RISEN, 2, NOW + at(5)) is None
    assert watch.update(RISEN, 3, NOW + at(10)) is CrossingKind.TAKE_PROFIT


def test_a_rearmed_monitor_has_forgotten() -> None:
    watch = monitor()
    watch.update(FALLEN, 1, NOW)
    watch.rearm()

    assert watch.elapsed(NOW + at(9000)) is None
    assert watch.update(FALLEN, 2, NOW + at(9001)) is None


@given(
    gaps=st.lists(st.integers(1, 1999), min_size=1, max_size=30), kinds=st.lists(st.sampled_from([FALLEN, RISEN]))
)
def test_single_bad_ticks_between_good_ones_never_trigger(gaps: list[int], kinds: list[OrderBook]) -> None:
    watch, now, distinct = monitor(), NOW, 0
    for bad, gap in zip(kinds, gaps, strict=False):
        for ladder in (bad, FINE):
            distinct += 1
            assert watch.update(ladder, distinct, now) is None
            now += at(gap)
            assert watch.elapsed(now) is None


@given(
    updates=st.lists(st.tuples(st.sampled_from([FALLEN, FINE, RISEN]), st.integers(0, 3), st.integers(0, 3000))),
)
def test_what_counts_is_always_what_the_newest_book_shows(updates: list[tuple[OrderBook, int, int]]) -> None:
    watch, now, distinct, newest = monitor(), NOW, 0, None
    for ladder, step, gap in updates:
        now += at(gap)
        if step or newest is None:
            newest = ladder
        distinct += step
        fired = watch.update(newest, distinct, now)
        assert fired in (None, crossed(newest, d("100"), BOUNDS))


@pytest.mark.parametrize(
    ("sold", "held", "seen", "share"),
    [
        ("50", "200", "100", "0.25"),
        ("200", "200", "100", "1"),
        ("300", "200", "100", "1"),
        ("50", None, "100", "1"),
        ("20", None, "100", "0.2"),
        ("20", None, "0", "1"),
        ("20", "0", "100", "0.2"),
        ("0", "200", "100", "0"),
    ],
)
def test_a_whales_sale_sells_the_same_share_of_ours(sold: str, held: str | None, seen: str, share: str) -> None:
    assert share_to_sell(
        whale_sold=d(sold), whale_holding_before=None if held is None else d(held), whale_seen_bought=d(seen)
    ) == d(share)


@given(
    sold=decimals("-10", "1000000", 2),
    held=st.one_of(st.none(), decimals("-10", "1000000", 2)),
    seen=decimals("-10", "1000000", 2),
)
def test_the_share_to_sell_is_a_share(sold: Decimal, held: Decimal | None, seen: Decimal) -> None:
    assert 0 <= share_to_sell(whale_sold=sold, whale_holding_before=held, whale_seen_bought=seen) <= 1


def sale(**changes: object) -> OrderRequest | Dust:
    values: dict[str, object] = {
        "market": market(),
        "book": book(),
        "shares": d("100.129"),
        "aggressive": False,
        "limits": LIMITS,
    }
    return exit_order(**(values | changes))  # type: ignore[arg-type]


def test_an_exit_sells_a_little_below_the_best_bid() -> None:
    order = sale()

    assert isinstance(order, OrderRequest)
    assert (order.side, order.shares, order.limit_price) == (Side.SELL, d("100.12"), d("0.47"))


def test_an_aggressive_exit_takes_any_price() -> None:
    order = sale(aggressive=True)

    assert isinstance(order, OrderRequest)
    assert order.limit_price == d("0.01")


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("below_minimum", {"shares": d("4.999")}),
        ("no_bids", {"book": book(bids=())}),
        ("no_bids", {"book": None}),
        ("market_closed", {"market": market(closed=True)}),
        ("market_closed", {"market": market(accepting_orders=False)}),
    ],
)
def test_what_cannot_be_sold_says_why(reason: str, changes: dict[str, object]) -> None:
    assert sale(**changes) == Dust(reason)


@given(
    tick=st.sampled_from(TICKS),
    shares=decimals("0", "1000000", 6),
    aggressive=st.booleans(),
    data=st.data(),
)
def test_an_exit_never_sells_more_than_ours_and_always_on_the_grid(
    tick: Decimal, shares: Decimal, aggressive: bool, data: st.DataObject
) -> None:
    ladder = data.draw(books(tick))
    order = sale(market=market(tick_size=tick), book=ladder, shares=shares, aggressive=aggressive)

    if isinstance(order, Dust):
        assert order.reason == ("below_minimum" if shares < 5 else "no_bids")
        return
    assert ladder.best_bid is not None
    assert order.shares <= shares
    assert order.shares % SHARE_QUANTUM == 0
    assert on_tick(order.limit_price, tick)
    assert order.limit_price <= ladder.best_bid
