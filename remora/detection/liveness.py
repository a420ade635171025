"""Notice a stream that says nothing at all, or something that cannot be read."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import structlog

from remora.detection.pace import Pace
from remora.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Heard(Protocol):
    """What streams know about themselves; a venue is one."""

    def last_message_at(self) -> Mapping[str, datetime]:
        """Return when each last said anything."""

    def malformed(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many messages of each could not be read, by reason."""


class Liveness:
    """Compares when each stream last said anything, pong included, with the wall clock.

    The streams watch themselves; this is the second look, for the day that watching fails. `replace` is called
    with a stream's name once it has been silent twice as long as it may.
    """

    def __init__(
        self,
        streams: Heard,
        *,
        now: Callable[[], datetime],
        replace: Callable[[str], None],
        pace: Pace,
        metrics: Metrics,
    ) -> None:
        self._streams = streams
        self._now = now
        self._replace = replace
        self._pace = pace
        self._metrics = metrics
        self._silent: dict[str, datetime] = {}
        self._counted: dict[tuple[str, str], int] = {}

    def look(self) -> None:
        """Look once: set the gauge, alert once per silence, replace what stays silent."""
        now = self._now()
        for feed, last in self._streams.last_message_at().items():
            silence = (now - last).total_seconds()
            self._metrics.feed_silence.labels(feed).set(silence)
            if silence <= self._pace.silent_after:
                self._silent.pop(feed, None)
            elif feed not in self._silent:
                self._silent[feed] = now
                log.error("feed.silent", feed=feed, seconds=round(silence, 1))
            elif (now - self._silent[feed]).total_seconds() >= self._pace.silent_after:
                self._silent[feed] = now
                log.error("feed.replaced", feed=feed, seconds=round(silence, 1))
                self._replace(feed)

    def count_malformed(self) -> None:
        """Add what could not be read since the last call to the metric; say so once for each reason."""
        for feed, reasons in self._streams.malformed().items():
            for reason, total in reasons.items():
                before = self._counted.get((feed, reason), 0)
                if total > before:
                    self._metrics.malformed.labels(feed, reason).inc(total - before)
                if not before:
                    log.warning("feed.malformed", feed=feed, reason=reason, count=total)
                self._counted[feed, reason] = total

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            self.count_malformed()
            await asyncio.sleep(self._pace.silence_every)
