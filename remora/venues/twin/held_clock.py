"""A wall clock that stands still while one step is done, so that it can be done again at the same instant."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime


class HeldClock:
    """Wall time; within :meth:`at` it reads one instant."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        self._wall = wall
        self._held: datetime | None = None

    def __call__(self) -> datetime:
        """Return the wall time, or the instant at which the clock is held."""
        return self._wall() if self._held is None else self._held

    @contextmanager
    def at(self, instant: datetime) -> Iterator[None]:
        """Hold the clock at an instant."""
        before, self._held = self._held, instant
        try:
            yield
        finally:
            self._held = before
