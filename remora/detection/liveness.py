"""Notice a stream that says nothing at all."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from remora.detection.pace import Pace
from remora.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Liveness:
    """Compares when each stream last said anything, pong included, with the wall clock.

    The streams watch themselves; this is the second look, for the day that watching fails. `replace` is called
    with a stream's name once it has been silent twice as long as it may.
    """

    def __init__(
        self,
        last_message_at: Callable[[], Mapping[str, datetime]],
        *,
        now: Callable[[], datetime],
        replace: Callable[[str], None],
        pace: Pace,
        metrics: Metrics,
    ) -> None:
        self._last_message_at = last_message_at
        self._now = now
        self._replace = replace
        self._pace = pace
        self._metrics = metrics
        self._silent: dict[str, datetime] = {}

    def look(self) -> None:
        """Look once: set the gauge, alert once per silence, replace what stays silent."""
        now = self._now()
        for feed, last in self._last_message_at().items():
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

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self.look()
            await asyncio.sleep(self._pace.silence_every)
