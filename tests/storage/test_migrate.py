"""Migrations go up and down, and describe exactly the mapped tables."""

import asyncio

import asyncpg
import pytest
from alembic import command

from remora.storage.migrate import config, downgrade, upgrade
from tests.fixtures.postgres import database_url


@pytest.fixture
def empty_database(postgres_server: str) -> str:
    async def create() -> None:
        connection = await asyncpg.connect(postgres_server)
        await connection.execute("DROP DATABASE IF EXISTS migrations")
        await connection.execute("CREATE DATABASE migrations")
        await connection.close()

    asyncio.run(create())
    return database_url(postgres_server, "migrations")


async def _tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows}


def test_up_down_and_up_again_leaves_a_working_schema(empty_database: str) -> None:
    upgrade(empty_database)
    assert "ledger_entries" in asyncio.run(_tables(empty_database))

    downgrade(empty_database)
    assert asyncio.run(_tables(empty_database)) == {"alembic_version"}

    upgrade(empty_database)
    assert "ledger_entries" in asyncio.run(_tables(empty_database))


def test_the_mapped_tables_need_no_further_migration(empty_database: str) -> None:
    upgrade(empty_database)

    command.check(config(empty_database))
