"""Which check stops most signals."""

from datetime import UTC, datetime

from remora.domain.funnel import ORDER, funnel_of
from remora.domain.reasons import SkipReason

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def test_each_check_sees_only_what_the_earlier_ones_let_pass() -> None:
    counts = {
        ("copy", None): 10,
        ("exit", None): 7,
        ("skip", SkipReason.SPREAD): 30,
        ("skip", SkipReason.NOT_ON_ROSTER): 60,
    }
    found = funnel_of(counts, since=SINCE)

    assert (found.signals, found.copied, found.exit_signals) == (100, 10, 7)
    assert [(step.reason, step.reached, step.stopped) for step in found.steps] == [
        (SkipReason.NOT_ON_ROSTER, 100, 60),
        (SkipReason.SPREAD, 40, 30),
    ]
    assert found.most is found.steps[0]
    assert found.warning is None


def test_a_check_that_stops_nearly_everything_is_told_with_its_setting() -> None:
    found = funnel_of({("copy", None): 1, ("skip", SkipReason.VOLUME): 99}, since=SINCE)
    assert found.warning is not None
    assert "volume stops 99%" in found.warning
    assert "REMORA_VOLUME_24H_MIN_USD" in found.warning

    assert funnel_of({("skip", SkipReason.VOLUME): 19}, since=SINCE).warning is None
    assert funnel_of({}, since=SINCE).most is None


def test_every_reason_has_its_place() -> None:
    assert sorted(ORDER) == sorted(SkipReason)
