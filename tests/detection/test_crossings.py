"""Thresholds against books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from remora.detection.crossings import CrossingBoard
from remora.domain.books import Level, OrderBook
from remora.domain.exits import CrossingKind
from remora.domain.ids import AccountId, ConditionId, TokenId
from remora.domain.limits import Limits
from remora.storage.triggers import Trigger
from remora.venues.venue import BookUpdate

START = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = TokenId("7")


def trigger(armed_at: datetime = START) -> Trigger:
    """Return a stop at 0.40 and a target at 0.60 for 100 shares."""
    return Trigger(
        position_id="p-1",
        workflow_id="position/1",
        account=AccountId("0x" + "a" * 40),
        token_id=TOKEN,
        condition_id=ConditionId("0x" + "2" * 64),
        shares=Decimal(100),
        stop_price=Decimal("0.40"),
        target_price=Decimal("0.60"),
        armed_at=armed_at,
    )


def book(bid: str, number: int, *, seconds: float = 0.0) -> BookUpdate:
    """Return a book with one deep bid."""
    at = START + timedelta(seconds=seconds)
    bids = (Level(Decimal(bid), Decimal(1000)),)
    return BookUpdate(
        book=OrderBook(token_id=TOKEN, bids=bids, asks=(), as_of=at, tick_size=Decimal("0.01")),
        seen_at=at,
        distinct=number,
    )


def board() -> CrossingBoard:
    """Return a board with one trigger."""
    made = CrossingBoard(Limits(), repeat_after=timedelta(seconds=15))
    made.refresh([trigger()])
    return made


def test_one_bad_tick_raises_nothing() -> None:
    watched = board()

    assert watched.update(book("0.30", 1)) == []
    assert watched.update(book("0.50", 2)) == []
    assert watched.overdue(START + timedelta(seconds=60)) == []


def test_a_crossing_is_raised_once_until_it_is_armed_again() -> None:
    watched = board()
    raised = [c for number in range(1, 9) for c in watched.update(book("0.39", number))]
    watched.refresh([trigger()])
    again = watched.update(book("0.38", 9))
    watched.refresh([trigger(START + timedelta(seconds=1))])
    rearmed = [c for number in (10, 11) for c in watched.update(book("0.38", number, seconds=2))]

    assert [c.kind for c in raised] == [CrossingKind.STOP_LOSS]
    assert raised[0].executable_price == Decimal("0.39")
    assert again == []
    assert [c.kind for c in rearmed] == [CrossingKind.STOP_LOSS]


def test_a_crossing_that_lasts_counts_without_a_second_update() -> None:
    watched = board()
    watched.update(book("0.65", 1))

    assert watched.overdue(START + timedelta(seconds=1)) == []
    assert [c.kind for c in watched.overdue(START + timedelta(seconds=2))] == [CrossingKind.TAKE_PROFIT]
    assert watched.overdue(START + timedelta(seconds=3)) == []
    assert len(watched.overdue(START + timedelta(seconds=18))) == 1


def test_books_of_other_tokens_are_ignored_and_marks_are_executable() -> None:
    watched = board()
    watched.update(book("0.47", 1))

    assert watched.marks() == {"p-1": Decimal("0.47")}
    watched.refresh([])
    assert watched.update(book("0.10", 2)) == []
    assert watched.tokens == frozenset()


def test_a_book_that_came_before_its_threshold_was_armed_still_counts() -> None:
    watched = CrossingBoard(Limits(), repeat_after=timedelta(seconds=15))
    watched.refresh([], held=[TOKEN])
    assert watched.update(book("0.30", 1)) == []
    watched.refresh([trigger(START + timedelta(seconds=1))], held=[TOKEN])

    assert watched.overdue(START + timedelta(seconds=2)) == []
    (crossing,) = watched.overdue(START + timedelta(seconds=4))
    assert crossing.kind is CrossingKind.STOP_LOSS
