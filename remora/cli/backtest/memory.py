"""Where trials are remembered: DATABASE_URL, the running stack's database, or its files opened for the moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import ProgrammingError

from remora.backtest.study import Tried
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
    """Remembers trials; the database is opened for the moment only, because studies take minutes."""

    def remember(self, recording: str, tried: Sequence[Tried]) -> list[float]:
        """Keep configurations; return the daily Sharpe ratio of everything tried on this data."""
        made = [
            trials.Trial(
                key=one.key, fingerprint=recording, sharpe=one.sharpe, days=one.days, recorded=one.recorded
            )
            for one in tried
        ]
        return asyncio.run(self._remember(made))

    async def _remember(self, made: list[trials.Trial]) -> list[float]:
        async with _database() as url:
            engine = create_engine(url, pool_size=1)
            try:
                for trial in made:
                    await trials.remember(engine, trial, now=datetime.now(UTC))
                return await trials.sharpes(engine, made[0].fingerprint)
            except ProgrammingError as error:
                raise CommandFailed(
                    f"The database has no table of trials: {next(iter(str(error.orig).splitlines()), '')}",
                    "Bring it up to date with `remora up`.",
                    code=Exit.UNAVAILABLE,
                ) from error
            finally:
                await engine.dispose()


@contextlib.asynccontextmanager
async def _database() -> AsyncIterator[str]:
    """Yield a database's address; without one that runs, this machine's own is started for the moment."""
    running = load_settings().database_url or inspect(StateDir(local_stack.state_dir())).database_url
    if running is not None:
        yield str(running)
        return
    async with DatabaseOnly(local_stack.config()) as database:
        yield database.database_url
