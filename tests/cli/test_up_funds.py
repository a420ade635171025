"""``remora up`` starts a twin on which the account has money: once, whatever is started again."""

import asyncio
import json
import os
import signal
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from remora.cli.local_stack import season_over, services
from remora.domain.ids import AccountId
from remora.embedded.account import account_key
from remora.embedded.config import StackConfig
from remora.embedded.inspection import inspect
from remora.embedded.state import StateDir
from remora.settings import Mode
from remora.storage.desk import load_desk
from remora.storage.engine import create_engine
from remora.venues.twin.scenario.season import season_scenario
from remora.venues.twin.scenario.season_calendar import WINDOW_START
from tests.fixtures.command import run_command
from tests.fixtures.twin import address_of, served
from tests.fixtures.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
CASH = Decimal("2500.50")


def _remora(state_dir: Path, *arguments: str) -> tuple[int, str, str]:
    done = run_command(*arguments, REMORA_STATE_DIR=str(state_dir), REMORA_TWIN_CASH=str(CASH))
    return done.returncode, done.stdout, done.stderr


async def _both_books(state_dir: Path) -> tuple[Decimal, Decimal, Decimal]:
    """Return the account's cash in our books and the twin's, and what was ever deposited on the twin."""
    found = inspect(StateDir(state_dir))
    account = AccountId(address_of(account_key(state_dir)).lower())
    engine = create_engine(str(found.database_url))
    try:
        ours = (await load_desk(engine, account)).cash
    finally:
        await engine.dispose()
    async with httpx.AsyncClient(base_url=str(found.twin_url), trust_env=False) as control:
        theirs = (await control.get(f"/books/{account}")).raise_for_status().json()
    return ours, Decimal(theirs["cash"]), Decimal(theirs["deposits"])


@pytest.mark.parametrize(
    ("config", "funds"),
    [
        (StackConfig(), True),
        (StackConfig(twin_url="http://127.0.0.1:1"), False),
        (StackConfig(mode=Mode.PAPER), False),
        (StackConfig(mode=Mode.LIVE), False),
    ],
)
def test_only_a_twin_of_our_own_gives_money(config: StackConfig, *, funds: bool) -> None:
    started = services(config)

    assert [one.name for one in started if one.settle is not None] == (["twin"] if funds else [])
    assert all("twin" in one.needs for one in started if one.name == "engine")


async def test_a_season_that_was_played_to_its_end_is_told() -> None:
    played = season_scenario(2, end=WINDOW_START + timedelta(minutes=1), speed=1e6)
    async with served(played) as over, served() as endless:
        waiting = await asyncio.to_thread(season_over, over.urls["control_url"])
        await over.post("/start")
        await until(lambda: over.get("/status"), lambda status: status["done"])

        assert (waiting, await asyncio.to_thread(season_over, over.urls["control_url"])) == (False, True)
        assert not await asyncio.to_thread(season_over, endless.urls["control_url"])
    assert not season_over("http://127.0.0.1:1")


@pytest.mark.slow
def test_the_account_has_its_money_once_whatever_is_started_again(state_dir: Path) -> None:
    assert _remora(state_dir, "up")[0] == 0
    assert asyncio.run(_both_books(state_dir)) == (CASH, CASH, CASH)
    assert "nothing to do" in _remora(state_dir, "up")[1]
    assert asyncio.run(_both_books(state_dir)) == (CASH, CASH, CASH)

    (twin,) = [one.pid for one in inspect(StateDir(state_dir)).services if one.name == "twin"]
    os.kill(twin, signal.SIGKILL)
    code, _, err = _remora(state_dir, "up")
    assert (code, asyncio.run(_both_books(state_dir))) == (0, (CASH, CASH, CASH)), err

    assert _remora(state_dir, "down")[0] == 0
    assert _remora(state_dir, "up")[0] == 0
    assert asyncio.run(_both_books(state_dir)) == (CASH, CASH, CASH)
    code, told, err = _remora(state_dir, "reconcile", "--json")
    assert (code, json.loads(told)["differences"]) == (0, []), err
    assert _remora(state_dir, "down")[0] == 0
