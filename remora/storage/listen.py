"""Wait for PostgreSQL's notifications on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

RESYNC = ""
"""Comes after every (re)connect: whatever was notified in between has to be read again."""

BACKOFF_MIN, BACKOFF_MAX = 0.1, 5.0
"""Seconds between attempts to connect."""


async def notifications(engine: AsyncEngine, channels: Collection[str]) -> AsyncIterator[str]:
    """Yield the channel of every notification for ever, and RESYNC after every (re)connect."""
    pause = BACKOFF_MIN
    while True:
        heard: asyncio.Queue[str | None] = asyncio.Queue()
        try:
            connection = await asyncpg.connect(_dsn(engine), server_settings={"application_name": "remora-listen"})
        except (OSError, asyncpg.PostgresError, TimeoutError):
            await asyncio.sleep(pause)
            pause = min(2 * pause, BACKOFF_MAX)
            continue
        pause = BACKOFF_MIN
        try:
            connection.add_termination_listener(lambda _connection, told=heard: told.put_nowait(None))
            for channel in sorted(channels):
                await connection.add_listener(channel, _teller(heard))
            yield RESYNC
            while (channel_heard := await heard.get()) is not None:
                yield channel_heard
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(pause)
        finally:
            connection.terminate()


def _teller(heard: "asyncio.Queue[str | None]") -> Any:
    def tell(_connection: object, _pid: int, channel: str, _payload: object) -> None:
        heard.put_nowait(channel)

    return tell


def _dsn(engine: AsyncEngine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
