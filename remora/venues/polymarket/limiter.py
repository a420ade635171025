"""The venue's rate limits, kept by everything that reads through one venue object; orders never wait here."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from remora.venues.polymarket.translate import translated
from remora.venues.venue import VenueUnavailable

SHARE = 0.4
"""Of the documented limits, so that two processes behind one address stay below them together."""

PER_10_S: Mapping[str, int] = {
    "markets": 300,
    "book": 1500,
    "books": 500,
    "activity": 800,
    "data": 150,
    "orders": 500,
    "balance": 200,
}
"""Documented requests per ten seconds by family of endpoints.

The Data API allows 1,000 in all and 150 to 200 to the endpoints that it names; activity has no limit of its own.
"""

WAIT_MAX_S = 1.0
"""The venue queues what comes too fast: longer than this nobody waits for us, least of all an exit."""

TRICKLE_PER_S = 1.0
"""What still goes out while the venue says that it is too much."""

BACK_OFF_S = 2.0
"""For a refusal that names no time."""

BACK_OFF_MAX_S = 30.0


@dataclass(slots=True)
class _Bucket:
    per_s: float
    free: float
    at: float
    slow_until: float = field(default=float("-inf"))

    def take(self, now: float) -> float:
        """Take one request out and return how long it must wait."""
        rate = TRICKLE_PER_S if now < self.slow_until else self.per_s
        self.free = min(self.per_s, self.free + (now - self.at) * rate)
        self.at = now
        self.free -= 1
        return max(0.0, -self.free / rate)


class RateLimiter:
    """Spreads requests by family: a second's worth at once, then evenly; fewer after a 429."""

    def __init__(
        self,
        per_10_s: Mapping[str, int] = PER_10_S,
        *,
        share: float = SHARE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        now = clock()
        self._buckets = {
            family: _Bucket(count * share / 10, count * share / 10, now) for family, count in per_10_s.items()
        }

    async def turn(self, family: str) -> None:
        """Return when a request of a family may go out, after a second at the latest."""
        bucket = self._buckets[family]
        wait = bucket.take(self._clock())
        if wait > 0:
            await self._sleep(min(wait, WAIT_MAX_S))
        # who stopped waiting takes nobody else's turn
        bucket.free = max(bucket.free, -WAIT_MAX_S * bucket.per_s)

    def back_off(self, family: str, seconds: float | None) -> None:
        """Slow a family down after the venue refused it; `seconds` as the venue said."""
        bucket = self._buckets[family]
        span = BACK_OFF_S if seconds is None else min(max(seconds, 0.0), BACK_OFF_MAX_S)
        bucket.free = min(bucket.free, 0.0)
        bucket.slow_until = max(bucket.slow_until, self._clock() + span)

    @asynccontextmanager
    async def reading(self, family: str, what: str) -> AsyncIterator[None]:
        """Wait for a turn, run a read, and heed what the venue says about our pace."""
        await self.turn(family)
        try:
            async with translated(what):
                yield
        except VenueUnavailable as error:
            if error.rate_limited:
                self.back_off(family, error.retry_after)
            raise
