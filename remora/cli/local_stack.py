"""The stack that `up`, `down` and `status` are about."""

import sys
from dataclasses import replace
from pathlib import Path

from remora.embedded.config import StackConfig
from remora.embedded.errors import ServiceFailed
from remora.embedded.processes import Command
from remora.embedded.programs import run_program
from remora.embedded.service import Service
from remora.embedded.services import engine, research, twin
from remora.embedded.site import Site
from remora.embedded.state import StateDir
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
    exchange = [twin(("--start", *PACE), port=config.twin_port, keeps=True)] if own_twin else []
    return [*map(funded, exchange), engine(), research()]


def season_over(twin_url: str) -> bool:
    """Return whether the twin has played everything that it had to play; False if it does not say."""
    import httpx

    try:
        answer = httpx.get(f"{twin_url}/status", trust_env=False, timeout=5.0).raise_for_status()
    except httpx.HTTPError:
        return False
    return bool(answer.json()["done"])


def funded(exchange: Service) -> Service:
    """Return a twin on which the stack's account has its play money before anybody trades.

    Whether it is new depends on our books, so the database comes first.
    """
    return replace(exchange, needs=("postgres",), settle=_fund)


async def _fund(site: Site) -> None:
    command = Command(argv=(sys.executable, "-m", "workers.funding"), env=site.environment())
    code, output = await run_program(command, state_dir=site.state_dir)
    log = StateDir(site.state_dir).log("funding")
    log.write_text(output)
    if code != 0:
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "no output")
        raise ServiceFailed(f"The account on the twin got no money: {last}", f"The whole output is in {log}.")
