"""The venue's clock as the watcher knows it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from remora.domain.clock import VenueClock
from remora.venues.venue import MarketData, VenueError

log = structlog.get_logger(__name__)

FRESH_FOR = timedelta(seconds=1)


class VenueTime:
    """Reads the venue's clock and keeps it.

    A replay that has not begun answers with another origin each time; until two answers agree, the clock is read
    again before it is used.
    """

    def __init__(self, data: MarketData, now: Callable[[], datetime]) -> None:
        self._data = data
        self._clock: VenueClock | None = None
        self._read_at: datetime | None = None
        self._settled = False
        self.now = now

    @property
    def clock(self) -> VenueClock:
        """Return the clock as last read; `refresh` must have run once."""
        assert self._clock is not None, "refresh() reads the clock first"
        return self._clock

    def venue_now(self) -> datetime:
        """Return venue time."""
        return self.clock.venue_time(self.now())

    async def refresh(self) -> None:
        """Read the clock; raise VenueError when the venue does not say."""
        read = await self._data.clock()
        self._settled = read == self._clock
        self._clock, self._read_at = read, self.now()

    async def settle(self) -> None:
        """Read the clock unless it is known to run; keep the known one when the venue does not say."""
        if not self._settled:
            await self._refresh_if_possible()

    async def read_again(self) -> None:
        """Read the clock unless that was done a moment ago; keep the known one when the venue does not say."""
        if self._read_at is None or self.now() - self._read_at >= FRESH_FOR:
            await self._refresh_if_possible()

    async def _refresh_if_possible(self) -> None:
        try:
            await self.refresh()
        except VenueError as error:
            log.warning("clock.unread", cause=str(error))
