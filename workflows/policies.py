"""Timeouts and retries of the activities, each with its reason."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy


class Local(TypedDict):
    """Options of a local activity."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    local_retry_threshold: timedelta


class Long(TypedDict):
    """Options of an activity that heartbeats."""

    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))
"""Reads and writes that are safe to repeat: soon again, never given up."""

ENTER = Local(
    # shorter than a signal may be old, so that a hanging read cannot lead to a late order
    start_to_close_timeout=timedelta(seconds=25),
    retry_policy=QUICK,
    local_retry_threshold=timedelta(seconds=5),
)
WRITE = Local(
    start_to_close_timeout=timedelta(seconds=10), retry_policy=QUICK, local_retry_threshold=timedelta(seconds=5)
)
READ = Long(
    # an exit hangs on it: a killed worker is noticed by its heartbeat, not only when the time is over
    start_to_close_timeout=timedelta(seconds=15),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=QUICK,
)
ORDER = Long(
    # settlement may take minutes; a killed worker is noticed by its heartbeat within seconds
    start_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=QUICK,
)
RECONCILE = Long(
    # thousands of positions, and a moment without orders in flight to compare totals in
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=QUICK,
)
RESOLUTION = Long(
    # polled by retry, so that waiting for weeks costs no history
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=2), backoff_coefficient=1.5, maximum_interval=timedelta(minutes=1)
    ),
)
RESEARCH = Long(
    # a shard waits for a free process; a killed worker is noticed by its heartbeat, and only its shard is redone
    start_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1), maximum_attempts=20
    ),
)
PULL = Long(
    # many wallets at a bounded rate; what was read before a failure is not read again
    start_to_close_timeout=timedelta(hours=5),
    heartbeat_timeout=timedelta(seconds=60),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=5), maximum_attempts=10
    ),
)
