"""A bounded rate of requests."""

import asyncio
from collections.abc import Awaitable, Callable


class Pacing:
    """Lets requests through at most `per_second`, evenly, in the order in which they ask."""

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not per_second > 0:
            raise ValueError(f"per_second must be above 0, was {per_second}")
        self._gap = 1.0 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = float("-inf")

    async def turn(self) -> None:
        """Return when the next request may go out."""
        now = self._clock()
        due = max(now, self._next)
        self._next = due + self._gap
        if due > now:
            await self._sleep(due - now)
