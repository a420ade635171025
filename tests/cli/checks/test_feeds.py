"""What the doctor makes of a look at a feed."""

from datetime import timedelta

import pytest

from remora.cli.checks.feeds import pushing_nodes, stream
from remora.cli.checks.finding import Status
from remora.venues.polymarket.feed_probe import FeedFacts, NodeFacts

SECOND = timedelta(seconds=1)
GOOD = NodeFacts(head_age=2 * SECOND, pushed_after=SECOND)
BAD = NodeFacts(head_age=None, pushed_after=None, trouble="cannot be used: OSError")


@pytest.mark.parametrize(
    ("facts", "status", "words"),
    [
        (FeedFacts(answered_after=SECOND, lag=2 * SECOND), Status.OK, "2.0 s old"),
        (FeedFacts(answered_after=SECOND, lag=-SECOND), Status.OK, "0.0 s old"),
        (FeedFacts(answered_after=SECOND, lag=None), Status.OK, "lag was not seen"),
        (FeedFacts(answered_after=SECOND, lag=16 * SECOND), Status.WARN, "16.0 s old"),
        (FeedFacts(answered_after=None, lag=None, trouble="cannot be opened: OSError"), Status.FAIL, "opened"),
        (FeedFacts(answered_after=SECOND, lag=None, trouble="closed by the venue (1008)"), Status.FAIL, "1008"),
    ],
)
def test_a_stream_is_judged_by_life_and_lag(facts: FeedFacts, status: Status, words: str) -> None:
    found = stream("s", facts, lag_max=15 * SECOND, late="Wait.", late_is=Status.WARN)

    assert (found.status, words in found.found) == (status, True)
    assert bool(found.todo) == (status is not Status.OK)


@pytest.mark.parametrize(
    ("nodes", "statuses"),
    [
        ([], [Status.WARN]),
        ([GOOD], [Status.OK]),
        ([BAD], [Status.FAIL]),
        ([BAD, GOOD], [Status.WARN, Status.OK]),
        ([NodeFacts(head_age=31 * SECOND, pushed_after=SECOND)], [Status.FAIL]),
        ([NodeFacts(head_age=2 * SECOND, pushed_after=None)], [Status.WARN]),
    ],
)
def test_one_node_that_can_be_used_is_enough(nodes: list[NodeFacts], statuses: list[Status]) -> None:
    found = pushing_nodes(nodes)

    assert [each.status for each in found] == statuses
    assert all(each.todo for each in found if each.status is not Status.OK)
