from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.backtest.costs import FillLevel
from remora.backtest.history import BUY, SELL, History, Listing
from remora.backtest.rosters import NamedRoster
from remora.backtest.run import Replayed, prepare, replay
from remora.backtest.spec import Spec

from .recordings import (
    DAY,
    HOUR,
    LIMITS,
    OTHERS,
    START,
    WHALE,
    Row,
    listing,
    recording,
    recordings,
    resolved,
    spec,
)

CROWD = 1


def run(history: History, asked: Spec | None = None) -> Replayed:
    asked = asked or spec()
    followed = NamedRoster(frozenset(asked.whales))
    return replay(prepare(asked, history, followed, asked.whales, LIMITS, asked.costs()))


def replayed(rows: list[Row], *listings: Listing, **changes: object) -> Replayed:
    return run(recording(rows, listings), spec(**changes))


WHALE_BUYS: Row = (HOUR, 0, 0, 0, BUY, 0.50, 1000.0)
CROWD_BUYS: Row = (HOUR + 60, CROWD, 0, 0, BUY, 0.51, 400.0)


def test_a_purchase_gets_a_quarter_of_the_next_print_at_its_price_and_pays_the_fee() -> None:
    made = replayed([WHALE_BUYS, CROWD_BUYS], listing(fee_rate=Decimal("0.04")))
    books = made.outcome.filled[0].books

    # half a percent of 10,000 dollars is wanted; the print would give 100 shares, 50 dollars buy 98.03 at 0.51
    assert made.outcome.copies == 1
    assert books.bought_shares == Decimal("98.03")
    assert books.average_price == Decimal("0.51")
    assert books.fees == Decimal("0.97990")


def test_nothing_is_bought_when_nobody_trades_after_us() -> None:
    made = replayed([WHALE_BUYS])

    assert made.outcome.copies == 1
    assert made.outcome.filled == []
    assert made.outcome.equity == 10_000.0


def test_a_print_of_the_other_outcome_on_the_other_side_is_the_same_trade() -> None:
    made = replayed([WHALE_BUYS, (HOUR + 60, CROWD, 0, 1, SELL, 0.49, 400.0)])

    assert made.outcome.filled[0].books.average_price == Decimal("0.51")


def test_a_print_beyond_the_limit_is_not_followed() -> None:
    made = replayed([WHALE_BUYS, (HOUR + 60, CROWD, 0, 0, BUY, 0.56, 400.0)])

    assert made.outcome.filled == []


def test_the_pessimist_pays_the_worst_print_and_gets_a_tenth() -> None:
    more: Row = (HOUR + 90, CROWD, 0, 0, BUY, 0.52, 200.0)
    made = replayed([WHALE_BUYS, CROWD_BUYS, more], fills=FillLevel.PESSIMISTIC.value)
    books = made.outcome.filled[0].books

    assert (books.bought_shares, books.average_price) == (Decimal("60.00"), Decimal("0.52"))


OTHER_BUYS: Row = (HOUR + 1, 2, 0, 0, BUY, 0.50, 1000.0)
BOTH = (WHALE, OTHERS[1])


@pytest.mark.parametrize(("level", "most"), [(FillLevel.REALISTIC, "100.00"), (FillLevel.PESSIMISTIC, "40.00")])
def test_two_of_our_orders_share_what_one_print_allows(level: FillLevel, most: str) -> None:
    made = replayed([WHALE_BUYS, OTHER_BUYS, CROWD_BUYS], whales=BOTH, fills=level.value)
    first, second = (holding.books.bought_shares for holding in made.outcome.holdings)

    assert made.outcome.copies == 2
    assert first == min(Decimal(most), Decimal("98.03"))
    assert first + second == Decimal(most)


def test_two_of_our_orders_share_what_rests_at_one_price() -> None:
    made = replayed([WHALE_BUYS, OTHER_BUYS], whales=BOTH, fills="optimistic", depth_usd=30.0)
    first, second = (holding.books for holding in made.outcome.filled)

    # sixty shares rest at 0.50: the first takes them and goes on to 0.51, where the second begins
    assert first.average_price is not None
    assert second.average_price is not None
    assert Decimal("0.50") < first.average_price < Decimal("0.51") < second.average_price


def test_a_print_off_the_grid_costs_the_next_tick() -> None:
    made = replayed([WHALE_BUYS, (HOUR + 60, CROWD, 0, 0, BUY, 0.5033, 400.0)])

    assert made.outcome.filled[0].books.average_price == Decimal("0.51")


def test_dollars_in_a_market_buy_nothing_else_until_its_payout_came() -> None:
    everything = replace(
        LIMITS,
        unproven_share=Decimal(1),
        position_share=Decimal(1),
        position_share_ceiling=Decimal(1),
        market_share=Decimal(10),
        event_share=Decimal(10),
        whale_share=Decimal(10),
        pre_resolution=timedelta(0),
        stop_loss=Decimal("0.9"),
        take_profit=Decimal(10),
    )
    market, rows = replace(resolved(0, 0, 2 * DAY), proposed_at=START + 2 * DAY), [WHALE_BUYS]
    for at in (DAY, 2 * DAY + 300.0, 2 * DAY + 700.0):
        rows += [(at - 900.0, CROWD, 1, 0, BUY, 0.50, 10.0), (at, 0, 1, 0, BUY, 0.50, 1000.0)]
    history, asked = recording(rows, [market, listing(1)]), spec(fills="optimistic", capital=200.0)
    roster = NamedRoster(frozenset(asked.whales))
    made = replay(prepare(asked, history, roster, asked.whales, everything, asked.costs())).outcome

    assert made.holdings[0].ended_at == START + 2 * DAY + 600.0
    assert [decided.word for decided in made.decisions] == ["copy", "cash", "cash", "copy"]


def test_a_falling_price_stops_the_loss_and_a_print_must_be_there_to_sell_into() -> None:
    falls: list[Row] = [
        (2 * HOUR, CROWD, 0, 0, SELL, 0.40, 500.0),
        (2 * HOUR + 30, CROWD, 0, 0, SELL, 0.39, 4000.0),
    ]
    made = replayed([WHALE_BUYS, CROWD_BUYS, *falls])
    holding = made.outcome.filled[0]

    assert holding.exit_reason == "stop_loss"
    assert holding.books.sold_shares == holding.books.bought_shares
    assert holding.books.sold_notional / holding.books.sold_shares == Decimal("0.39")


def test_a_price_that_touches_the_stop_for_less_than_two_seconds_sells_nothing() -> None:
    touch: list[Row] = [(2 * HOUR, CROWD, 0, 0, SELL, 0.40, 500.0), (2 * HOUR + 1, CROWD, 0, 0, BUY, 0.52, 500.0)]
    made = replayed([WHALE_BUYS, CROWD_BUYS, *touch])

    assert made.outcome.filled[0].ended_at is None


SLIDE: list[Row] = [(2 * HOUR, CROWD, 0, 0, SELL, 0.40, 500.0), (2 * HOUR + 3, CROWD, 0, 0, SELL, 0.39, 4000.0)]


def test_a_slow_copier_hears_late_of_a_crossing_and_looks_at_the_book_of_then() -> None:
    falls: Row = (2 * HOUR + 30, CROWD, 0, 0, SELL, 0.37, 4000.0)
    back: Row = (2 * HOUR + 8, CROWD, 0, 0, BUY, 0.52, 500.0)
    sold = replayed([WHALE_BUYS, CROWD_BUYS, *SLIDE, falls], latency="10").outcome.filled[0]
    kept = replayed([WHALE_BUYS, CROWD_BUYS, *SLIDE, back], latency="10").outcome.filled[0]

    assert sold.exit_reason == "stop_loss"
    assert sold.books.sold_notional / sold.books.sold_shares == Decimal("0.37")
    assert kept.books.sold_shares == 0
    assert kept.ended_at is None


def test_the_way_of_a_sale_takes_as_long_as_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "latency.json"
    file.write_text('{"detection_s": [1.0], "order_s": [0.0, 100.0]}')
    leaves: Row = (3 * HOUR, 0, 0, 0, SELL, 0.50, 1000.0)
    later: list[Row] = [(3 * HOUR + 5 * n, CROWD, 0, 0, SELL, 0.49 + n // 5 / 100, 4000.0) for n in range(25)]
    prices = set()
    for seed in range(5):
        made = replayed([WHALE_BUYS, (HOUR + 200, *CROWD_BUYS[1:]), leaves, *later], latency=str(file), seed=seed)
        prices.add(made.outcome.filled[0].books.sold_notional)

    assert len(prices) > 2


@pytest.mark.parametrize("sold_after", [30.0, 2 * HOUR])
def test_a_part_that_the_whale_sells_is_sold_behind_what_is_under_way_and_until_somebody_buys(
    sold_after: float,
) -> None:
    half: Row = (HOUR + sold_after, 0, 0, 0, SELL, 0.50, 500.0)
    buyer: Row = (6 * HOUR, CROWD, 0, 0, SELL, 0.50, 10_000.0)
    made = replayed([WHALE_BUYS, CROWD_BUYS, half, buyer])
    books = made.outcome.filled[0].books

    assert (books.bought_shares, books.sold_shares) == (Decimal("98.03"), Decimal("49.01"))


SLOW = '{"detection_s": [1.0], "order_s": [10.0]}'
WHALE_LEAVES: Row = (3 * HOUR + 5, 0, 0, 0, SELL, 0.50, 2000.0)
WHALE_BUYS_MORE: Row = (3 * HOUR, 0, 0, 0, BUY, 0.50, 1000.0)
SOMEBODY_BUYS: Row = (3 * HOUR + 60, CROWD, 0, 0, SELL, 0.50, 10_000.0)


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """Return a latency with which an order is ten seconds on its way."""
    file = tmp_path / "slow.json"
    file.write_text(SLOW)
    return str(file)


@pytest.mark.parametrize("level", list(FillLevel))
def test_a_whale_that_leaves_while_a_later_purchase_is_on_its_way_is_followed_once_that_is_done(
    slow: str, level: FillLevel
) -> None:
    rows = [WHALE_BUYS, CROWD_BUYS, WHALE_BUYS_MORE, WHALE_LEAVES, SOMEBODY_BUYS]
    made = replayed(rows, latency=slow, fills=level.value).outcome
    holding = made.filled[0]

    assert [decided.word for decided in made.decisions] == ["copy", "copy", "exit"]
    assert holding.exit_reason == "whale_exit"
    assert holding.ended_at is not None


def test_an_entry_on_its_way_arrives_and_what_it_bought_follows_the_whale_out(slow: str) -> None:
    leaves: Row = (HOUR + 5, 0, 0, 0, SELL, 0.50, 1000.0)
    holding = replayed([WHALE_BUYS, leaves], latency=slow, fills="optimistic").outcome.filled[0]

    assert holding.exit_reason == "whale_exit"
    assert [flow.at - START for flow in holding.flows] == [HOUR + 11, HOUR + 21]


def test_everything_is_sold_right_behind_a_part_that_is_on_its_way(slow: str) -> None:
    sells: list[Row] = [
        (3 * HOUR, 0, 0, 0, SELL, 0.50, 500.0),
        (3 * HOUR + 5, 0, 0, 0, SELL, 0.50, 500.0),
    ]
    holding = replayed([WHALE_BUYS, *sells], latency=slow, fills="optimistic").outcome.filled[0]

    assert holding.exit_reason == "whale_exit"
    assert [flow.at - START for flow in holding.flows[1:]] == [3 * HOUR + 11, 3 * HOUR + 21]


def test_a_proposal_that_is_heard_of_while_an_entry_is_on_its_way_is_taken_after_it(slow: str) -> None:
    market = listing(proposed_at=START + HOUR + 5)
    holding = replayed([WHALE_BUYS], market, latency=slow, fills="optimistic").outcome.filled[0]

    assert holding.exit_reason == "pre_resolution"
    assert [flow.at - START for flow in holding.flows] == [HOUR + 11, HOUR + 21]


def test_capital_stays_locked_until_the_resolution_pays() -> None:
    market = resolved(0, 0, 6 * DAY)
    late: Row = (2 * DAY, 0, 1, 0, BUY, 0.50, 1000.0)
    also: Row = (2 * DAY + 60, CROWD, 1, 0, BUY, 0.50, 40_000.0)
    made = replayed([WHALE_BUYS, CROWD_BUYS, late, also], market, listing(1), policy={}, capital=1000.0)
    first = made.outcome.filled[0]

    assert first.exit_reason == "resolved"
    assert first.ended_at == START + 6 * DAY + 600.0
    assert float(first.books.redeemed_dollars) == float(first.books.bought_shares)


def test_a_whale_that_sells_half_takes_half_of_ours_along() -> None:
    sells: list[Row] = [(3 * HOUR, 0, 0, 0, SELL, 0.50, 500.0), (3 * HOUR + 60, CROWD, 0, 0, SELL, 0.50, 10_000.0)]
    made = replayed([WHALE_BUYS, CROWD_BUYS, *sells])
    books = made.outcome.filled[0].books

    assert books.sold_shares == Decimal("49.01")


def test_a_whale_that_buys_the_other_side_has_left_ours() -> None:
    turns: list[Row] = [(3 * HOUR, 0, 0, 1, BUY, 0.50, 1000.0), (3 * HOUR + 60, CROWD, 0, 0, SELL, 0.50, 10_000.0)]
    made = replayed([WHALE_BUYS, CROWD_BUYS, *turns])

    assert made.outcome.filled[0].exit_reason == "whale_exit"
    assert made.outcome.skips["opposite_held"] == 1


def test_a_position_is_left_three_hours_before_the_end() -> None:
    late: Row = (2 * DAY - 3 * HOUR + 120, CROWD, 0, 0, SELL, 0.55, 10_000.0)
    made = replayed([WHALE_BUYS, CROWD_BUYS, late], listing(end_at=START + 2 * DAY))

    assert made.outcome.filled[0].exit_reason == "pre_resolution"


@pytest.mark.parametrize(
    ("capital", "word"), [(100.0, "below_minimum"), (400.0, "below_minimum"), (800.0, "copy")]
)
def test_what_the_venue_would_not_take_is_not_bought(capital: float, word: str) -> None:
    # half a percent: fifty cents of a dollar that a purchase needs, then less than the market's five shares
    assert [decided.word for decided in replayed([WHALE_BUYS, CROWD_BUYS], capital=capital).outcome.decisions] == [
        word
    ]


def test_a_loss_of_the_night_counts_against_the_day_whose_midnight_it_follows() -> None:
    midnight = 2 * DAY - START % DAY
    early: Row = (midnight - 6 * HOUR, 0, 0, 0, BUY, 0.50, 1000.0)
    filled: Row = (midnight - 6 * HOUR + 60, CROWD, 0, 0, BUY, 0.50, 4000.0)
    later: Row = (midnight + 4 * HOUR, 0, 1, 0, BUY, 0.50, 1000.0)
    shown: Row = (midnight + 4 * HOUR - 60, CROWD, 1, 0, BUY, 0.50, 1000.0)
    falls: Row = (midnight + 2 * HOUR, CROWD, 0, 0, SELL, 0.44, 100.0)
    limits = replace(LIMITS, unproven_share=Decimal("0.05"), max_daily_loss_usd=Decimal(20))
    history = recording([early, filled, falls, shown, later], [listing(), listing(1)])
    asked = spec()
    roster = NamedRoster(frozenset(asked.whales))
    made = replay(prepare(asked, history, roster, asked.whales, limits, asked.costs())).outcome

    # some 990 shares fall by five cents between midnight and the day's first purchase
    assert [decided.word for decided in made.decisions] == ["copy", "desk_halted"]


def test_a_minute_of_latency_is_refused_as_stale() -> None:
    made = replayed([WHALE_BUYS, CROWD_BUYS], latency="60")

    assert made.outcome.skips == {"stale": 1}


def test_the_days_sum_to_the_profit_also_where_more_is_held_than_the_best_bid_takes() -> None:
    prints: list[Row] = [(HOUR, 0, 0, 0, BUY, 0.03, 10_000.0), (HOUR + 60, CROWD, 0, 0, BUY, 0.03, 100_000.0)]
    made = replayed(prints, depth_usd=20.0)
    holding = made.outcome.filled[0]

    assert holding.mark is not None
    assert holding.mark < Decimal("0.02")
    assert made.daily.sum() == pytest.approx(float(holding.pnl), abs=1e-9)


@pytest.mark.parametrize("level", list(FillLevel))
@settings(max_examples=40, deadline=None)
@given(history=recordings(), seed=st.integers(0, 3))
def test_every_dollar_is_accounted_for(level: FillLevel, history: History, seed: int) -> None:
    asked = spec(fills=level.value, seed=seed, whales=tuple(history.wallets[:2]))
    made = run(history, asked)
    outcome = made.outcome

    assert made.daily.sum() == pytest.approx(sum(float(h.pnl) for h in outcome.holdings), abs=1e-6)
    assert outcome.equity == pytest.approx(10_000.0 + made.daily.sum(), abs=1e-6)
    assert outcome.cash >= 0
    for holding in outcome.holdings:
        assert holding.shares >= 0
        assert holding.ended_at is None or holding.reserved == 0
    assert WHALE in history.codes
