"""When a tick makes the desk look."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from remora.detection.equity import EquityWatch
from remora.detection.pace import Pace
from remora.domain.books import Level, OrderBook
from remora.domain.ids import AccountId, ConditionId, TokenId
from remora.domain.limits import Limits
from remora.domain.reasons import DeskMode
from remora.storage.desk import DeskRow
from remora.storage.portfolio import HeldShares, Portfolio
from remora.venues.venue import BookUpdate

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACCOUNT, TOKEN = AccountId("0x" + "a" * 40), TokenId("7")
d = Decimal


class Clock:
    """Hands that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


def portfolio(**changes: Any) -> Portfolio:
    """Return 5,000 dollars and 10,000 shares carried at 0.50."""
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "venue_mode": "twin",
        "mode": DeskMode.TRADING,
        "scale": d(1),
        "cash": d(5000),
        "day": date(2026, 1, 1),
        "day_start_equity": d(10000),
        "high_water_mark": d(10000),
        "changed_at": START,
        "changed_by": "remora",
        "reason": "created",
        "revision": 0,
        "reduction": 0,
    }
    held = HeldShares(
        position_id="p-1", token_id=TOKEN, condition_id=ConditionId("0x1"), shares=d(10000), price=d("0.50")
    )
    return Portfolio(desk=DeskRow(**(values | changes)), held=(held,))


def book(bid: str) -> BookUpdate:
    """Return a book with one deep bid."""
    bids = (Level(d(bid), d(100_000)),)
    made = OrderBook(token_id=TOKEN, bids=bids, asks=(), as_of=START, tick_size=d("0.01"))
    return BookUpdate(book=made, seen_at=START, distinct=1)


def watch(clock: Clock) -> tuple[EquityWatch, list[str]]:
    """Return a watch and the causes that it told."""
    told: list[str] = []
    made = EquityWatch(
        cast("Any", None),
        ACCOUNT,
        limits=Limits(),
        pace=Pace(),
        now=clock.now,
        venue_now=clock.now,
        tell=lambda cause, at: told.append(cause),
    )
    return made, told


def test_a_tick_that_costs_the_day_is_told_once_and_again_while_it_lasts() -> None:
    clock = Clock()
    watched, told = watch(clock)
    watched.take(portfolio())
    watched.update(book("0.46"))
    assert (told, watched.equity) == ([], d(9600))

    watched.update(book("0.45"))
    watched.update(book("0.44"))
    assert told == ["daily_loss"]

    clock.at += timedelta(seconds=6)
    watched.update(book("0.44"))
    assert told == ["daily_loss", "daily_loss"]


def test_a_drawdown_and_its_end_are_told() -> None:
    watched, told = watch(Clock())
    halted = {"mode": DeskMode.HALTED, "day_start_equity": d(8500)}
    watched.take(portfolio(**halted))
    watched.update(book("0.30"))
    assert told == ["drawdown"]

    watched.take(portfolio(**halted, scale=d("0.5")))
    watched.update(book("0.41"))
    assert told == ["drawdown", "drawdown"]


def test_a_book_that_came_before_the_purchase_was_known_marks_it() -> None:
    watched, told = watch(Clock())
    watched.update(book("0.10"))
    watched.take(portfolio())

    assert watched.equity == d(6000)
    assert told == ["daily_loss", "drawdown"]


def test_a_new_day_is_told_at_its_first_tick() -> None:
    clock = Clock()
    watched, told = watch(clock)
    watched.take(portfolio())
    clock.at += timedelta(hours=12)
    watched.update(book("0.50"))

    assert told == ["new_day"]


def test_a_new_high_is_told_and_a_small_one_waits_for_the_desks_own_look() -> None:
    watched, told = watch(Clock())
    watched.take(portfolio())
    watched.update(book("0.501"))
    assert told == []

    watched.update(book("0.502"))
    assert told == ["new_high"]

    watched.take(portfolio(high_water_mark=d(10020)))
    watched.update(book("0.502"))
    assert told == ["new_high"]
