"""Venue time: the wall clock, or a replay that runs faster."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class VenueClock:
    """Maps wall time to venue time and back.

    At `wall_origin` the venue's clock read `venue_origin`; from then on it runs `speed` times as fast.
    Live speed is 1 with equal origins. A time-lapse scales our own latency by the same factor.
    """

    wall_origin: datetime
    venue_origin: datetime
    speed: float = 1.0

    def __post_init__(self) -> None:
        if self.wall_origin.tzinfo is None or self.venue_origin.tzinfo is None:
            raise ValueError("a venue clock needs timezone-aware origins")
        if not self.speed > 0:
            raise ValueError(f"speed must be above 0, was {self.speed}")

    def venue_time(self, wall: datetime) -> datetime:
        """Return the venue's time at a wall-clock instant."""
        return self.venue_origin + (wall - self.wall_origin) * self.speed

    def wall_time(self, venue: datetime) -> datetime:
        """Return the wall-clock instant at which the venue's clock reads `venue`."""
        return self.wall_origin + (venue - self.venue_origin) / self.speed

    def wall_duration(self, venue: timedelta) -> timedelta:
        """Return how long `venue` time takes on the wall."""
        return venue / self.speed
