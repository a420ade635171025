"""One websocket that is replaced whenever it breaks or falls silent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import websockets
from websockets.asyncio.client import ClientConnection

from remora.venues.venue import FeedGap

OPEN_TIMEOUT_SECONDS = 10.0
BACKOFF_FIRST_SECONDS = 0.25
BACKOFF_MAX_SECONDS = 30.0
FRAME_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One text frame and the wall-clock instant at which it was read."""

    text: str
    seen_at: datetime


@dataclass(slots=True)
class Socket:
    """Yields frames for ever. Whatever interrupts them is reported as a gap once frames flow again.

    `greet` subscribes after every connect. The client says ``PING`` every `ping_every`; when neither a message nor
    a ``PONG`` comes for `silent_after`, the connection is dropped and made anew. `last_message_at` is when
    anything last came, `listening_since` when it was first listened for: a connection that says nothing is silent.
    """

    name: str
    url: str
    now: Callable[[], datetime]
    greet: Callable[[ClientConnection], Awaitable[None]]
    ping_every: timedelta
    silent_after: timedelta
    random: Random
    last_message_at: datetime | None = None
    listening_since: datetime | None = None
    _connection: ClientConnection | None = field(default=None, init=False)

    async def send(self, text: str) -> None:
        """Send a frame if connected; after a reconnect `greet` says everything anyway."""
        if self._connection is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._connection.send(text)

    async def frames(self) -> AsyncIterator[Frame | FeedGap]:
        """Iterate over frames and gaps."""
        failures, lost_at, cause = 0, None, ""
        self.listening_since = self.listening_since or self.now()
        while True:
            try:
                async with websockets.connect(
                    self.url,
                    open_timeout=OPEN_TIMEOUT_SECONDS,
                    ping_interval=None,
                    max_size=FRAME_BYTES_MAX,
                    proxy=None,
                ) as connection:
                    self._connection = connection
                    await self.greet(connection)
                    if lost_at is not None:
                        yield FeedGap(feed=self.name, since=lost_at, until=self.now(), cause=cause)
                        lost_at = None
                    failures = 0
                    async for frame in self._read(connection):
                        yield frame
                cause = f"no message for {self.silent_after.total_seconds():.0f} s"
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                cause = f"{type(error).__name__}: {error}"
            finally:
                self._connection = None
            lost_at = lost_at or self.last_message_at or self.listening_since
            failures += 1
            await asyncio.sleep(self._pause(failures))

    async def _read(self, connection: ClientConnection) -> AsyncIterator[Frame]:
        pinging = asyncio.create_task(self._ping(connection))
        try:
            while True:
                try:
                    async with asyncio.timeout(self.silent_after.total_seconds()):
                        text = await connection.recv(decode=True)
                except TimeoutError:
                    return
                self.last_message_at = seen_at = self.now()
                if text != "PONG":
                    yield Frame(text, seen_at)
        finally:
            pinging.cancel()
            with contextlib.suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                await pinging

    async def _ping(self, connection: ClientConnection) -> None:
        while True:
            await connection.send("PING")
            await asyncio.sleep(self.ping_every.total_seconds())

    def _pause(self, failures: int) -> float:
        ceiling = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(failures - 1, 10))
        return self.random.uniform(0, ceiling)
