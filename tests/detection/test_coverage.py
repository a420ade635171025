"""What one source saw and another did not: counted once, with who saw it, and blindness with some patience."""

from datetime import UTC, datetime, timedelta

from remora.detection.coverage import BLIND_FROM, JUDGED_FROM, OUTCOMES, Coverage, Missed
from remora.domain.trades import TradeSource

CHAIN, RTDS, POLL = TradeSource.CHAIN, TradeSource.RTDS, TradeSource.DATA_API
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
GRACES = {CHAIN: timedelta(seconds=15), RTDS: timedelta(seconds=15), POLL: timedelta(seconds=90)}


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_what_a_source_missed_is_counted_once_when_its_own_grace_is_over() -> None:
    coverage = Coverage(GRACES)
    coverage.seen("k1", RTDS, START)
    assert coverage.judge(later(15)) == []

    assert coverage.judge(later(16)) == [Missed("k1", CHAIN, frozenset({RTDS}))]
    coverage.seen("k1", CHAIN, later(20))

    assert coverage.judge(later(91)) == [Missed("k1", POLL, frozenset({RTDS, CHAIN}))]
    assert coverage.judge(later(92)) == []


def test_a_source_that_was_in_time_missed_nothing_and_one_that_is_not_expected_is_not_judged() -> None:
    coverage = Coverage({RTDS: GRACES[RTDS]})
    coverage.seen("k1", CHAIN, START)
    coverage.seen("k1", RTDS, later(14))

    assert coverage.judge(later(1000)) == []
    assert coverage.sources == {RTDS}


def _trades(coverage: Coverage, first: int, count: int, *, chain: bool) -> None:
    """Let trades be seen by the stream, and by the chain or not, and judge them."""
    for number in range(first, first + count):
        at = later(100 * number)
        coverage.seen(f"k{number}", RTDS, at)
        if chain:
            coverage.seen(f"k{number}", CHAIN, at)
        coverage.judge(at + timedelta(seconds=16))


def test_a_source_is_called_blind_after_enough_trades_and_sees_again_only_when_nearly_all_come() -> None:
    coverage = Coverage({CHAIN: GRACES[CHAIN], RTDS: GRACES[RTDS]})
    _trades(coverage, 0, JUDGED_FROM - 1, chain=False)
    assert coverage.share(CHAIN) is None
    assert list(coverage.turned()) == []

    _trades(coverage, JUDGED_FROM - 1, 1, chain=False)
    assert coverage.share(CHAIN) == 0
    assert list(coverage.turned()) == [(CHAIN, True)]
    assert list(coverage.turned()) == []

    few = JUDGED_FROM * 3
    _trades(coverage, JUDGED_FROM, few, chain=True)
    assert 1 - BLIND_FROM < (coverage.share(CHAIN) or 0) < 1
    assert list(coverage.turned()) == [], "better is not good yet"

    _trades(coverage, JUDGED_FROM + few, OUTCOMES, chain=True)
    assert list(coverage.turned()) == [(CHAIN, False)]
    assert coverage.share(RTDS) == 1
