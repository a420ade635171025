"""The desk's rules as a state machine, and what losses do to its dials."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.desk import (
    DeskOrder,
    OrderRefused,
    Standing,
    accept_loss,
    daily_loss_breach,
    judge,
    obey,
    roll,
    trading_day,
    transferred,
)
from remora.domain.limits import Limits
from remora.domain.reasons import DeskMode

d = Decimal
LIMITS = Limits()
TRADING, PAUSED, HALTED = DeskMode.TRADING, DeskMode.PAUSED, DeskMode.HALTED
dollars = st.decimals(min_value=1, max_value=10**9, places=2)


def standing(equity: str, base: str = "10000", mark: str = "10000") -> Standing:
    return Standing(equity=d(equity), day_start_equity=d(base), high_water_mark=d(mark))


@pytest.mark.parametrize(
    ("mode", "order", "after"),
    [
        (TRADING, DeskOrder.PAUSE, PAUSED),
        (TRADING, DeskOrder.RESUME, TRADING),
        (TRADING, DeskOrder.HALT, HALTED),
        (TRADING, DeskOrder.FLATTEN, PAUSED),
        (PAUSED, DeskOrder.RESUME, TRADING),
        (PAUSED, DeskOrder.HALT, HALTED),
        (PAUSED, DeskOrder.FLATTEN, PAUSED),
        (HALTED, DeskOrder.HALT, HALTED),
        (HALTED, DeskOrder.FLATTEN, HALTED),
        (HALTED, DeskOrder.RESET, TRADING),
    ],
)
def test_an_allowed_order_moves_the_mode(mode: DeskMode, order: DeskOrder, after: DeskMode) -> None:
    assert obey(mode, order, by="ann", reason="because", breach=None, force=False) is after


@pytest.mark.parametrize(
    ("mode", "order", "reason", "breach", "says"),
    [
        (HALTED, DeskOrder.PAUSE, "x", None, "reset first"),
        (HALTED, DeskOrder.RESUME, "x", None, "reset first"),
        (TRADING, DeskOrder.RESET, "x", None, "nothing to reset"),
        (PAUSED, DeskOrder.RESET, "x", None, "nothing to reset"),
        (HALTED, DeskOrder.RESET, " ", None, "needs a reason"),
        (HALTED, DeskOrder.RESET, "x", "lost 600.00 of 500.00 allowed today", "persists: lost 600.00"),
    ],
)
def test_a_refused_order_says_why(
    mode: DeskMode, order: DeskOrder, reason: str, breach: str | None, says: str
) -> None:
    answer = obey(mode, order, by="ann", reason=reason, breach=breach, force=False)

    assert isinstance(answer, OrderRefused)
    assert says in answer.reason


@pytest.mark.parametrize("order", list(DeskOrder))
def test_nobody_turns_no_dial(order: DeskOrder) -> None:
    answer = obey(HALTED, order, by="  ", reason="x", breach=None, force=True)

    assert answer == OrderRefused("say who turns the dial")


def test_a_forced_reset_accepts_the_loss_and_the_next_limit_counts_from_there() -> None:
    after = accept_loss(standing("9400"))

    assert obey(HALTED, DeskOrder.RESET, by="ann", reason="x", breach="lost", force=True) is TRADING
    assert daily_loss_breach(after, LIMITS) is None
    assert daily_loss_breach(Standing(equity=d(8930), day_start_equity=d(9400), high_water_mark=d(10000)), LIMITS)


@pytest.mark.parametrize(
    ("equity", "base", "breached"),
    [("9500.01", "10000", False), ("9500", "10000", True), ("99500", "100000", True), ("99501", "100000", False)],
)
def test_the_day_ends_at_five_percent_or_the_sum(equity: str, base: str, *, breached: bool) -> None:
    judged = judge(TRADING, d(1), standing(equity, base, base), LIMITS)

    assert (judged.mode is HALTED) == breached
    assert (judged.breach is not None) == breached


def test_a_drawdown_halves_once_and_is_restored_with_hysteresis() -> None:
    scale, reduced = d(1), 0
    seen = []
    for equity in (8001, 8000, 7000, 8500, 8999, 9000, 8100, 8000):
        at = Standing(equity=d(equity), day_start_equity=d(equity), high_water_mark=d(10000))
        judged = judge(TRADING, scale, at, LIMITS)
        reduced += judged.reduces
        scale = judged.scale
        seen.append(str(scale))

    assert seen == ["1", "0.5", "0.5", "0.5", "0.5", "1", "1", "0.5"]
    assert reduced == 2


def test_nothing_but_an_order_leaves_halted() -> None:
    judged = judge(HALTED, d(1), standing("20000"), LIMITS)

    assert (judged.mode, judged.breach) == (HALTED, None)


def test_a_new_day_takes_equity_as_its_base_and_the_mark_only_rises() -> None:
    assert roll(standing("9000"), new_day=True) == standing("9000", base="9000")
    assert roll(standing("11000"), new_day=False) == standing("11000", mark="11000")
    assert roll(standing("9000"), new_day=False) == standing("9000")


def test_the_day_starts_at_midnight_of_the_chosen_zone() -> None:
    at = datetime(2026, 7, 2, 3, 59, tzinfo=UTC)

    assert trading_day(at, "UTC") == date(2026, 7, 2)
    assert trading_day(at, "America/New_York") == date(2026, 7, 1)
    assert trading_day(at.replace(hour=4, minute=0), "America/New_York") == date(2026, 7, 2)


@given(dollars, dollars, dollars, st.decimals(min_value=d("-0.9"), max_value=3, places=2))
def test_money_moved_is_no_gain_and_no_loss(equity: Decimal, base: Decimal, mark: Decimal, part: Decimal) -> None:
    before = Standing(equity=equity, day_start_equity=base, high_water_mark=max(mark, equity))
    after = transferred(before, equity * part)

    assert after.day_start_equity - after.equity == base - equity
    assert abs(after.drawdown - before.drawdown) < d("0.0001")


@given(
    st.lists(st.tuples(dollars, st.booleans()), max_size=30),
    st.sampled_from(list(DeskMode)),
    st.sampled_from([d(1), d("0.5")]),
)
def test_no_path_of_equity_leaves_a_broken_limit_unanswered(
    path: list[tuple[Decimal, bool]], mode: DeskMode, scale: Decimal
) -> None:
    at = standing("10000")
    for equity, new_day in path:
        at = roll(
            Standing(equity=equity, day_start_equity=at.day_start_equity, high_water_mark=at.high_water_mark),
            new_day=new_day,
        )
        judged = judge(mode, scale, at, LIMITS)
        mode, scale = judged.mode, judged.scale

        assert mode is HALTED or at.day_loss < min(d("0.05") * at.day_start_equity, d(500)) or at.day_loss == 0
        assert scale == d("0.5") or at.drawdown < d("0.20")
        assert scale == 1 or at.drawdown > d("0.10")
        again = judge(mode, scale, at, LIMITS)
        assert (again.breach, again.drawdown) == (None, None)
