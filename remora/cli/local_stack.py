"""The stack that `up`, `down` and `status` are about."""

from pathlib import Path

from remora.embedded.config import StackConfig
from remora.embedded.service import Service
from remora.embedded.services import engine, research, twin
from remora.settings import Mode, load_settings

PACE = ("--speed", "60")
"""The twin of a stack that stays plays its season's day in 24 minutes: time to choose whom to follow, to watch."""


def config() -> StackConfig:
    """Return the persistent stack that the settings describe."""
    return StackConfig.from_settings(load_settings())


def state_dir() -> Path:
    """Return where its state lies."""
    found = config().state_dir
    assert found is not None
    return found


def services(config: StackConfig) -> list[Service]:
    """Return our own processes: in twin mode with an exchange, unless one runs elsewhere."""
    own_twin = config.mode is Mode.TWIN and config.twin_url is None
    exchange = [twin(("--start", *PACE), port=config.twin_port)] if own_twin else []
    return [*exchange, engine(), research()]
