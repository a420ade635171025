"""The second look at streams: silence, and messages that could not be read."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from remora.detection.liveness import Liveness
from remora.detection.pace import Pace
from remora.telemetry.metrics import Metrics

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
PACE = Pace(silent_after=10.0)


class Watched:
    """A liveness over feeds that a test moves by hand."""

    def __init__(self) -> None:
        self.now = START
        self.last = {"rtds": START, "chain": START}
        self.unreadable: dict[str, Counter[str]] = {"rtds": Counter(), "chain": Counter()}
        self.replaced: list[str] = []
        self.metrics = Metrics(CollectorRegistry())
        self.liveness = Liveness(
            self, now=lambda: self.now, replace=self.replaced.append, pace=PACE, metrics=self.metrics
        )

    def last_message_at(self) -> dict[str, datetime]:
        return self.last

    def malformed(self) -> dict[str, Counter[str]]:
        return self.unreadable

    def count(self, feed: str, reason: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            "watcher_feed_malformed_total", {"feed": feed, "reason": reason}
        )


def test_only_a_feed_that_stays_silent_is_replaced() -> None:
    watched = Watched()
    for second in range(0, 25, 5):
        watched.now = START + timedelta(seconds=second)
        watched.last["chain"] = watched.now
        watched.liveness.look()
    assert watched.replaced == []

    watched.now = START + timedelta(seconds=25)
    watched.liveness.look()

    assert watched.replaced == ["rtds"]


def test_what_could_not_be_read_is_counted_once_by_feed_and_reason() -> None:
    watched = Watched()
    watched.unreadable["rtds"]["bad_trade"] = 3
    watched.liveness.count_malformed()
    watched.liveness.count_malformed()
    watched.unreadable["rtds"]["bad_trade"] = 5
    watched.unreadable["chain"]["bad_log"] = 1
    watched.liveness.count_malformed()

    assert (watched.count("rtds", "bad_trade"), watched.count("chain", "bad_log")) == (5, 1)
    assert watched.count("chain", "bad_trade") is None
