"""Every command of docs/controls.md, taken from the page and run against real servers."""

import asyncio
import os
import shlex
from pathlib import Path
from string import Template
from typing import Any

import pytest

from remora.cli.errors import Exit
from remora.domain.reasons import DeskMode
from remora.storage.desk import audit_trail, load_desk, set_desk_mode
from remora.storage.positions import PositionRow, list_positions
from tests.cli.conftest import Trading
from tests.fixtures.temporal import temporal_binary
from tests.fixtures.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

PAGE = Path(__file__).parents[2] / "docs" / "controls.md"
SECTIONS = {
    part.split("\n", 1)[0].lower(): part.split("```sh\n", 1)[1].split("```", 1)[0].splitlines()
    for part in PAGE.read_text().split("\n## ")[1:]
}
"""The commands below each heading."""

DIALS = {
    "pause": (DeskMode.TRADING, DeskMode.PAUSED),
    "resume": (DeskMode.PAUSED, DeskMode.TRADING),
    "halt": (DeskMode.TRADING, DeskMode.HALTED),
    "reset": (DeskMode.HALTED, DeskMode.TRADING),
    "flatten": (DeskMode.TRADING, DeskMode.PAUSED),
}
"""The mode before and after each turn of the desk."""

STATUS = "remora status"
POSITIONS = ("adjust", "reduce", "close")


async def run(trading: Trading, command: str, **names: str) -> None:
    """Run a command of the page; it must succeed."""
    program, *arguments = shlex.split(Template(command).substitute(names))
    if program == "remora":
        assert await trading.remora(*arguments) == Exit.OK, command
        return
    address = trading.env.client.service_client.config.target_host
    process = await asyncio.create_subprocess_exec(
        temporal_binary(),
        *arguments,
        "--address",
        address,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")},
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, f"{command}\n{said.decode()}"


async def turns(trading: Trading) -> list[tuple[str, str]]:
    """Return the turns of the desk, oldest first."""
    return [(row["action"], row["reason"]) for row in await audit_trail(trading.engine, trading.venue.account)]


async def opened(trading: Trading, key: str) -> PositionRow:
    """Return the open position; let the whale buy first if there is none."""
    if not await list_positions(trading.engine, trading.venue.account):
        await trading.buy(key)
    return await trading.opened()


def test_the_page_has_every_control() -> None:
    assert set(SECTIONS) == {*DIALS, *POSITIONS, "transfer", "look"}
    for name in DIALS:
        words = [line.split() for line in SECTIONS[name]]
        assert [line[0] for line in words] == ["remora", "temporal", "temporal"]
        assert [line[2] for line in words[1:]] == ["update", "signal"]


async def test_each_turn_of_the_desk_does_what_the_page_says(trading: Trading) -> None:
    account = trading.venue.account
    facts: dict[str, Any] = {
        "by": "a test",
        "reason": "before",
        "now": (await load_desk(trading.engine, account)).changed_at,
    }
    for name, (before, after) in DIALS.items():
        for command in SECTIONS[name]:
            await set_desk_mode(trading.engine, account, mode=before, **facts)
            known = len(await turns(trading))
            await run(trading, command, ACCOUNT=account)

            def turned(rows: list[tuple[str, str]], known: int = known) -> bool:
                return len(rows) > known

            found = await until(lambda: turns(trading), turned)

            assert found[-1][0] == name
            assert found[-1][1]
            assert (await load_desk(trading.engine, account)).mode is after


async def test_a_position_is_steered_as_the_page_says(trading: Trading) -> None:
    number = 0
    for name in POSITIONS:
        for command in SECTIONS[name]:
            number += 1
            before = await opened(trading, f"k{number}")
            await run(trading, command, POSITION=before.workflow_id)

            def changed(rows: list[PositionRow], before: PositionRow = before, name: str = name) -> bool:
                same = [row for row in rows if row.id == before.id]
                if name == "close":
                    return not same
                was = (before.stop_price, before.books.shares)
                return bool(same) and (same[0].stop_price, same[0].books.shares) != was

            await until(lambda: list_positions(trading.engine, trading.venue.account), changed)


async def test_transfers_and_looks_work_as_the_page_says(trading: Trading) -> None:
    account = trading.venue.account
    before = await load_desk(trading.engine, account)
    for command in SECTIONS["transfer"]:
        await run(trading, command)
    after = await load_desk(trading.engine, account)
    for command in SECTIONS["transfer"]:
        await run(trading, command)
    again = await load_desk(trading.engine, account)

    assert after.cash - before.cash == after.day_start_equity - before.day_start_equity == 150
    assert after.high_water_mark - before.high_water_mark == 150
    assert again == after
    assert [action for action, _ in await turns(trading)] == ["deposit", "withdrawal"]


async def test_everything_to_look_at_can_be_looked_at(trading: Trading) -> None:
    position = await opened(trading, "k1")
    for command in SECTIONS["look"]:
        if command != STATUS:
            await run(trading, command, ACCOUNT=trading.venue.account, POSITION=position.workflow_id)


async def test_status_shows_the_desk_and_says_that_the_stack_started_none_of_this(
    trading: Trading, capsys: pytest.CaptureFixture[str]
) -> None:
    await opened(trading, "k1")
    capsys.readouterr()
    program, *arguments = shlex.split(STATUS)
    code = await trading.remora(*arguments)
    told = capsys.readouterr().out

    assert STATUS in SECTIONS["look"]
    assert program == "remora"
    # 0 while everything runs that `remora up` started: tests/cli/test_up_down_status.py
    assert code == Exit.FAILED
    assert "The stack is not running" in told
    assert "Desk: trading, scale 1; equity" in told
    assert "1 positions open" in told
