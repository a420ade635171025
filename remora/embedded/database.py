"""This machine's PostgreSQL alone, for commands that remember something and need nothing else."""

from remora.embedded.postgres import postgres
from remora.embedded.service import Service
from remora.embedded.stack import Stack


class DatabaseOnly(Stack):
    """A stack without Temporal: the same files as `remora up` uses, migrated, ended with the block."""

    def _servers(self) -> list[Service]:
        return [postgres()]
