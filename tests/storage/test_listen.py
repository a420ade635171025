"""Real notifications of a real PostgreSQL."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.storage.listen import RESYNC, notifications


async def test_a_lost_connection_is_made_again_and_says_so(engine: AsyncEngine) -> None:
    heard = notifications(engine, ["roster"])
    async with asyncio.timeout(30):
        assert await anext(heard) == RESYNC
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_notify('roster', '1')"))
        assert await anext(heard) == "roster"
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'remora-listen' AND datname = current_database()"
                )
            )
        assert await anext(heard) == RESYNC
