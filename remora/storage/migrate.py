"""Bring a database to the newest schema: ``python -m remora.storage.migrate``."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from remora.storage.engine import async_url

SCRIPTS = Path(__file__).parent / "migrations"


def config(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS))
    settings.set_main_option("sqlalchemy.url", async_url(url).replace("%", "%%"))
    return settings


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every missing migration. Blocking: call it from a thread where a loop runs."""
    command.upgrade(config(url), revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Undo migrations down to `revision`, `base` for all."""
    command.downgrade(config(url), revision)


def main() -> int:
    """Upgrade the database that DATABASE_URL names."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        sys.stderr.write("DATABASE_URL is not set: set it, or run remora up for an embedded database\n")
        return 2
    upgrade(url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
