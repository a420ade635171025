"""The twin's clock: venue time stands still until the replay starts, then runs at its speed."""

from collections.abc import Callable
from datetime import UTC, datetime

from remora.domain.clock import VenueClock


def wall_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


class ReplayClock:
    """Venue time of one twin."""

    def __init__(self, venue_origin: datetime, speed: float, wall: Callable[[], datetime] = wall_now) -> None:
        self._venue_origin = venue_origin
        self._wall = wall
        self._running: VenueClock | None = None
        self.speed = speed

    @property
    def started(self) -> bool:
        """Whether venue time runs."""
        return self._running is not None

    def start(self) -> VenueClock:
        """Let venue time run from now; a second call changes nothing."""
        if self._running is None:
            self._running = VenueClock(wall_origin=self._wall(), venue_origin=self._venue_origin, speed=self.speed)
        return self._running

    def clock(self) -> VenueClock:
        """Return the running clock, or before the start one that would start now."""
        if self._running is not None:
            return self._running
        return VenueClock(wall_origin=self._wall(), venue_origin=self._venue_origin, speed=self.speed)

    def now(self) -> datetime:
        """Return venue time."""
        return self.at(self._wall())

    def at(self, wall: datetime) -> datetime:
        """Return venue time at an instant of the wall clock."""
        return self._venue_origin if self._running is None else self._running.venue_time(wall)
