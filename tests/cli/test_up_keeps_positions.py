"""What is held on the simulated exchange is still held after ``remora down`` and ``up``, and can be sold."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from remora.embedded.account import account_key
from remora.embedded.inspection import inspect
from remora.embedded.state import StateDir
from tests.fixtures.command import run_command
from tests.fixtures.twin import address_of

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(500)]
WHALE = "0x" + "ab" * 20


def _remora(state_dir: Path, *arguments: str) -> str:
    done = run_command(*arguments, REMORA_STATE_DIR=str(state_dir))
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def _control(state_dir: Path) -> httpx.Client:
    return httpx.Client(base_url=str(inspect(StateDir(state_dir)).twin_url), trust_env=False)


def _books(state_dir: Path) -> dict[str, Any]:
    with _control(state_dir) as control:
        answer = control.get(f"/books/{address_of(account_key(state_dir))}").raise_for_status()
    books: dict[str, Any] = answer.json()
    return books


def _differences(state_dir: Path) -> list[Any]:
    found: list[Any] = json.loads(_remora(state_dir, "reconcile", "--json"))["differences"]
    return found


def _open_position(state_dir: Path) -> dict[str, Any]:
    """Let a followed wallet buy until we hold what it bought, all of it settled."""
    _remora(state_dir, "follow", WHALE, "--by", "ann")
    with _control(state_dir) as control:
        market = control.post("/markets", json={"question": "Will it stay?", "price": 0.5, "depth_usd": 20_000})
        token = market.raise_for_status().json()["tokens"][0]
        for _ in range(20):
            trade = {"wallet": WHALE, "token_id": token, "side": "BUY", "price": 0.5, "size": 900}
            control.post("/trades", json=trade).raise_for_status()
            time.sleep(3)
            positions: list[dict[str, Any]] = json.loads(_remora(state_dir, "positions", "--json"))
            fills = _books(state_dir)["fills"]
            if positions and fills and all(fill["status"] == "CONFIRMED" for fill in fills):
                return positions[0]
    raise AssertionError(f"nothing was copied: {_remora(state_dir, 'funnel')}")


def test_a_position_outlives_the_stack_and_the_twins_process_and_is_sold_afterwards(state_dir: Path) -> None:
    _remora(state_dir, "up")
    position = _open_position(state_dir)
    assert _differences(state_dir) == []
    held = _books(state_dir)

    _remora(state_dir, "down")
    _remora(state_dir, "up")
    assert _books(state_dir) == held
    assert _differences(state_dir) == []
    assert [one["id"] for one in json.loads(_remora(state_dir, "positions", "--json"))] == [position["id"]]

    (twin,) = [one.pid for one in inspect(StateDir(state_dir)).services if one.name == "twin"]
    os.kill(twin, signal.SIGKILL)
    _remora(state_dir, "up")
    assert _books(state_dir) == held
    assert _differences(state_dir) == []

    _remora(state_dir, "close", position["id"], "--by", "ann", "--reason", "a test")
    after = _books(state_dir)
    assert (after["shares"], after["deposits"]) == ({}, held["deposits"])
    assert _differences(state_dir) == []
    _remora(state_dir, "down")
