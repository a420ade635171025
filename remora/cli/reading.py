"""What every read command needs: the running stack's database and the account it is about."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.cli import local_stack
from remora.cli.errors import CommandFailed, Exit
from remora.domain.ids import AccountId
from remora.embedded.inspection import inspect
from remora.embedded.state import StateDir
from remora.settings import load_settings
from remora.storage.accounts import accounts
from remora.storage.engine import create_engine


@dataclass(frozen=True, slots=True)
class Reading:
    """An open database and the account that the command is about."""

    engine: AsyncEngine
    account: AccountId


@asynccontextmanager
async def database() -> AsyncIterator[AsyncEngine]:
    """Open the database of DATABASE_URL or of the running stack; raise CommandFailed without either."""
    url = load_settings().database_url or inspect(StateDir(local_stack.state_dir())).database_url
    if url is None:
        raise CommandFailed("No database: the stack is not running.", "Run `remora up`.", code=Exit.UNAVAILABLE)
    engine = create_engine(str(url))
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def reading(account: str | None = None) -> AsyncIterator[Reading]:
    """Open the database and find the account; raise CommandFailed without either."""
    async with database() as engine:
        yield Reading(engine, await _account(engine, account))


async def _account(engine: AsyncEngine, wanted: str | None) -> AccountId:
    known = await accounts(engine)
    if wanted is not None:
        if wanted.lower() not in known:
            raise CommandFailed(f"No desk for account {wanted}.", f"Known: {', '.join(known) or 'none'}.")
        return AccountId(wanted.lower())
    if len(known) != 1:
        raise CommandFailed(
            f"Expected one account with a desk, found {len(known)}.",
            "Say which with --account." if known else "It is made when the stack first trades.",
            code=Exit.USAGE if known else Exit.UNAVAILABLE,
        )
    return known[0]


def show_json(value: Any) -> None:
    """Print a value as JSON; decimals and times as strings."""
    typer.echo(json.dumps(value, indent=2, default=str))
