"""Where trials are remembered: DATABASE_URL, the running stack's database, or its files opened for the moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.cli import local_stack
from remora.cli.errors import CommandFailed, Exit
from remora.embedded.database import DatabaseOnly
from remora.embedded.inspection import inspect
from remora.embedded.state import StateDir
from remora.settings import load_settings
from remora.storage import trials
from remora.storage.engine import create_engine


@dataclass(frozen=True, slots=True)
class TrialBook:
    """Remembers trials in a database; each call opens it anew, because studies take minutes."""

    url: str

    def remember(self, key: str, fingerprint: str, sharpe: float | None, days: int, recorded: dict[str, Any]) -> None:
        """Keep one configuration."""
        trial = trials.Trial(key=key, fingerprint=fingerprint, sharpe=sharpe, days=days, recorded=recorded)
        asyncio.run(self._remember(trial))

    def sharpes(self, fingerprint: str) -> list[float]:
        """Return the daily Sharpe ratios of everything tried on this data."""
        return asyncio.run(self._sharpes(fingerprint))

    async def _remember(self, trial: trials.Trial) -> None:
        async with _opened(self.url) as engine:
            await trials.remember(engine, trial, now=datetime.now(UTC))

    async def _sharpes(self, fingerprint: str) -> list[float]:
        async with _opened(self.url) as engine:
            return await trials.sharpes(engine, fingerprint)


@contextlib.asynccontextmanager
async def _opened(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(url, pool_size=1)
    try:
        yield engine
    except ProgrammingError as error:
        raise CommandFailed(
            f"The database has no table of trials: {next(iter(str(error.orig).splitlines()), '')}",
            "Bring it up to date with `remora up`.",
            code=Exit.UNAVAILABLE,
        ) from error
    finally:
        await engine.dispose()


@contextlib.asynccontextmanager
async def trial_book() -> AsyncIterator[TrialBook]:
    """Yield the book of trials; without a database that runs, this machine's own is started for the moment."""
    running = load_settings().database_url or inspect(StateDir(local_stack.state_dir())).database_url
    if running is not None:
        yield TrialBook(str(running))
        return
    config = replace(local_stack.config(), temporal_address=None)
    async with DatabaseOnly(config) as database:
        yield TrialBook(database.database_url)
