"""Where the servers of one stack are, and what its processes are told."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from remora.embedded.processes import MARK
from remora.settings import Mode

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Site:
    """Addresses of one stack; the database's may hold a password and is not shown."""

    state_dir: Path
    mode: Mode
    database_url: str = field(repr=False)
    temporal_address: str
    temporal_namespace: str
    ui_url: str | None
    twin_url: str | None
    account_key: str | None = field(repr=False)
    ports: dict[str, int]

    def environment(self) -> dict[str, str]:
        """Return the variables with which a process of ours finds the others."""
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        found = {
            "REMORA_MODE": self.mode.value,
            "DATABASE_URL": self.database_url,
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": self.temporal_namespace,
            MARK: str(self.state_dir),
            "PYTHONUNBUFFERED": "1",
            # our own packages, whatever lies in the directory the user happens to be in
            "PYTHONSAFEPATH": "1",
            "PYTHONPATH": os.pathsep.join(paths),
        }
        if self.twin_url is not None:
            found["REMORA_TWIN_URL"] = self.twin_url
        if self.account_key is not None:
            found["PRIVATE_KEY"] = self.account_key
        return found
