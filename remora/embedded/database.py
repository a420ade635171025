"""This machine's PostgreSQL alone, for commands that remember something and need nothing else."""

import asyncio
from dataclasses import replace

from remora.embedded.config import StackConfig
from remora.embedded.postgres import postgres
from remora.embedded.service import Service
from remora.embedded.stack import Stack
from remora.embedded.state import StateDir
from remora.embedded.stopping import Stopped


class DatabaseOnly(Stack):
    """A stack without Temporal, on the same files as `remora up`, migrated.

    It ends with the block, unless a whole stack was started meanwhile: then the server is that stack's.
    """

    def __init__(self, config: StackConfig) -> None:
        super().__init__(replace(config, database_url=None, temporal_address="none", twin_url=None))

    def _servers(self) -> list[Service]:
        return [postgres()]

    async def _check_external(self) -> None:
        """Nothing outside is needed."""

    async def down(self) -> Stopped:
        """Stop the server if this call started it and nobody else relies on it."""
        if self._site is not None and self._fresh:
            directory = StateDir(self.state_dir)
            with directory.lock():
                self._state = directory.load()
                if {record.name for record in self._state.processes} <= set(self._services):
                    await asyncio.to_thread(self._stop_fresh)
        return Stopped()
