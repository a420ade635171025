"""A paper account's own fills as a stream: on every step of their settlement."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from remora.domain.orders import Fill
from remora.venues.venue import FeedGap, FillUpdate

POLL_EVERY_S = 0.25


class PaperFillFeed:
    """Implements :class:`remora.venues.venue.FillFeed` by looking at the account's own fills.

    `read` gives the fills of the last while; it may fail, and then a gap is reported once it works again.
    """

    def __init__(
        self,
        read: Callable[[datetime], Awaitable[list[Fill]]],
        *,
        now: Callable[[], datetime],
        settled_after: timedelta,
    ) -> None:
        self.last_message_at: datetime | None = None
        self._read = read
        self._now = now
        self._window = settled_after + timedelta(minutes=1)

    def __aiter__(self) -> AsyncIterator[FillUpdate | FeedGap]:
        """Iterate for ever."""
        return self._fills()

    async def _fills(self) -> AsyncIterator[FillUpdate | FeedGap]:
        told: set[tuple[str, str]] = set()
        down_since: datetime | None = None
        while True:
            now = self._now()
            try:
                found = await self._read((down_since or now) - self._window)
            except Exception as error:  # noqa: BLE001 (whatever the store raises, the stream goes on)
                down_since = down_since or now
                cause = type(error).__name__
                await asyncio.sleep(POLL_EVERY_S)
                continue
            self.last_message_at = now
            if down_since is not None:
                yield FeedGap(feed="user", since=down_since, until=now, cause=cause)
                down_since = None
            current = {(fill.trade_id, fill.status.value): fill for fill in found}
            for name in current.keys() - told:
                yield FillUpdate(fill=current[name], seen_at=now)
            told = set(current)
            await asyncio.sleep(POLL_EVERY_S)
