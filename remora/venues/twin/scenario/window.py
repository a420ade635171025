"""Choose which part of a recording is played, and how fast."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WALL_SECONDS = 110.0
"""Length of a replay nobody gave a speed for: with start and settlement about two minutes."""

DEFAULT_SPAN = timedelta(days=6)
"""Length of a window nobody gave an end for; long enough to enter, hold and settle."""

TRADES_PER_SECOND_MAX = 100.0
"""Prints per wall second that the twin still serves on a fraction of a core."""

SPEED_MAX = 1e6
"""Venue seconds per second beyond which nobody could react to anything: a day in a tenth of a second."""

_TRADES_MAX = WALL_SECONDS * TRADES_PER_SECOND_MAX
_SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Venue time that is played, `speed` venue seconds per wall second."""

    start: datetime
    end: datetime
    speed: float

    @property
    def wall_seconds(self) -> float:
        """How long the replay takes."""
        return (self.end - self.start).total_seconds() / self.speed


def choose_window(
    times: Sequence[datetime], *, start: datetime | None, end: datetime | None, speed: float | None
) -> Window:
    """Return the window over sorted trade `times`; raise ValueError if it would be empty.

    Without bounds the busiest stretch is played; without a speed it ends in about two minutes, or later if
    that would mean more prints per second than the twin serves.
    """
    if speed is not None and not 0 < speed <= SPEED_MAX:
        raise ValueError(f"speed must be above 0 and at most {SPEED_MAX:.0f}, was {speed}")
    span = DEFAULT_SPAN if speed is None else min(DEFAULT_SPAN, timedelta(seconds=speed * WALL_SECONDS))
    if start is None and end is None:
        start = _busiest(times, span)
        while speed is None and span > _SHORTEST and _count(times, start, start + span) > _TRADES_MAX:
            span /= 2
            start = _busiest(times, span)
    if start is None:
        start = end - span if end is not None else times[0]
    if end is None:
        end = start + span
    inside = _count(times, start, end)
    if end <= start or inside == 0:
        raise ValueError(
            f"no trade between {start.isoformat()} and {end.isoformat()}; "
            f"the recording runs from {times[0].isoformat()} to {times[-1].isoformat()}"
        )
    if speed is None:
        wall = max(WALL_SECONDS, inside / TRADES_PER_SECOND_MAX)
        speed = (end - start).total_seconds() / wall
    return Window(start, end, speed)


def _busiest(times: Sequence[datetime], span: timedelta) -> datetime:
    """Return the start of the stretch of `span` with most trades, on a whole hour."""
    first = times[0].replace(minute=0, second=0, microsecond=0)
    best, most = first, -1
    candidate = first
    while candidate <= times[-1]:
        count = _count(times, candidate, candidate + span)
        if count > most:
            best, most = candidate, count
        candidate += timedelta(hours=1)
    return best


def _count(times: Sequence[datetime], start: datetime, end: datetime) -> int:
    return bisect_left(times, end) - bisect_left(times, start)
