"""The user channel: our own fills and their settlement, and orders that ended without any."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from random import Random

from websockets.asyncio.client import ClientConnection

from remora.domain.orders import Fill
from remora.venues.polymarket.socket import Socket
from remora.venues.polymarket.wire.user import EndedUnmatched, TradeMoved, parse_user_message
from remora.venues.polymarket.wire.values import Malformed, messages_in
from remora.venues.venue import FeedGap, FillUpdate, OrderUnmatched, VenueError

PING_EVERY = timedelta(seconds=10)
SILENT_AFTER = timedelta(seconds=30)
Reader = Callable[[str], Awaitable[list[Fill]]]


class UserChannelFeed:
    """Implements :class:`remora.venues.venue.FillFeed`.

    An event only says that a trade moved; the trade itself is read again over REST, so that a reordered or
    malformed event cannot book a wrong fill. That an order ended without a match is said here and nowhere else.
    """

    def __init__(
        self,
        url: str,
        auth: Callable[[], dict[str, str]],
        read_trade: Reader,
        *,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        self.socket = Socket("user", url, now, self._greet, PING_EVERY, SILENT_AFTER, random)
        self.malformed: Counter[str] = Counter()
        self._auth = auth
        self._read_trade = read_trade

    def __aiter__(self) -> AsyncIterator[FillUpdate | OrderUnmatched | FeedGap]:
        """Iterate for ever."""
        return self._fills()

    async def _greet(self, connection: ClientConnection) -> None:
        await connection.send(json.dumps({"type": "user", "auth": self._auth()}))

    async def _fills(self) -> AsyncIterator[FillUpdate | OrderUnmatched | FeedGap]:
        async for frame in self.socket.frames():
            if isinstance(frame, FeedGap):
                yield frame
                continue
            for message in self._messages(frame.text):
                if isinstance(message, EndedUnmatched):
                    yield OrderUnmatched(digest=message.digest, status=message.status, seen_at=frame.seen_at)
                    continue
                try:
                    fills = await self._read_trade(message.trade_id)
                except VenueError as error:
                    yield FeedGap(feed="user", since=frame.seen_at, until=frame.seen_at, cause=str(error))
                    continue
                for fill in fills:
                    yield FillUpdate(fill=fill, seen_at=frame.seen_at)

    def _messages(self, text: str) -> list[TradeMoved | EndedUnmatched]:
        found = [parse_user_message(message) for message in messages_in(text)]
        self.malformed.update(message.reason for message in found if isinstance(message, Malformed))
        return [message for message in found if isinstance(message, TradeMoved | EndedUnmatched)]
