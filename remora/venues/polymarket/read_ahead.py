"""Reads that somebody started because somebody else will need them in a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from remora.domain.ids import TokenId

T = TypeVar("T")

ENTRIES_MAX = 256
KEPT_S = 30.0


class ReadAhead(Generic[T]):
    """One read per token at a time: whoever asks while it is under way, or soon after, shares its answer."""

    def __init__(self, read: Callable[[TokenId], Awaitable[T]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._started: dict[TokenId, tuple[float, asyncio.Task[T]]] = {}

    async def get(self, token_id: TokenId, *, max_age_s: float = 0.0) -> T:
        """Return an answer whose request left at most `max_age_s` seconds ago, asking anew if there is none.

        A failure is shared by those who wait for it and forgotten.
        """
        now = self._clock()
        found = self._started.get(token_id)
        if found is None or now - found[0] > max_age_s:
            found = (now, asyncio.ensure_future(self._read(token_id)))
            self._forget_old(now)
            self._started[token_id] = found
        try:
            return await asyncio.shield(found[1])
        except Exception:
            if self._started.get(token_id) is found:
                del self._started[token_id]
            raise

    def _forget_old(self, now: float) -> None:
        if len(self._started) >= ENTRIES_MAX:
            self._started = {
                token: entry
                for token, entry in self._started.items()
                if now - entry[0] <= KEPT_S or not entry[1].done()
            }
