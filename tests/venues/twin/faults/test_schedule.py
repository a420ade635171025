"""A schedule of faults: from a seed, through a file, into the twin."""

import json
from pathlib import Path

import pytest

from remora.cli.errors import Exit
from remora.cli.main import run
from remora.venues.twin.faults.schedule import (
    FaultSchedule,
    FaultStep,
    ScheduleError,
    draw_schedule,
    dump_schedule,
    load_schedule,
)
from remora.venues.twin.faults.switchboard import Fault, FaultKind, Switchboard
from tests.fixtures.twin import RunningTwin
from tests.fixtures.waiting import eventually


def test_a_seed_decides_the_schedule_and_every_kind_comes_up(tmp_path: Path) -> None:
    drawn = draw_schedule(7, seconds=60)
    (path := tmp_path / "faults.json").write_text(dump_schedule(drawn))

    assert load_schedule(path) == drawn == draw_schedule(7, seconds=60)
    assert drawn != draw_schedule(8, seconds=60)
    assert {step.kind for step in drawn.steps} == set(FaultKind)
    assert all(step.until_s is None or step.at_s < step.until_s <= 60 for step in drawn.steps)


def test_a_seed_decides_the_draws_of_each_kind_whatever_else_is_armed() -> None:
    alone, among = Switchboard(3), Switchboard(3)
    for board in (alone, among):
        board.arm(Fault(kind=FaultKind.WS_DROP, rate=0.5))
    among.arm(Fault(kind=FaultKind.WS_DELAY, rate=0.5))
    first = [alone.strikes(FaultKind.WS_DROP) is not None for _ in range(50)]
    second = []
    for _ in range(50):
        among.strikes(FaultKind.WS_DELAY)
        second.append(among.strikes(FaultKind.WS_DROP) is not None)

    assert first == second
    assert alone.happened["ws_drop"] == sum(first)


@pytest.mark.parametrize("text", ["", "[]", '{"steps": [{"kind": "gremlins", "at_s": 1}]}', '{"sed": 1}'])
def test_a_file_that_is_no_schedule_is_named(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "faults.json").write_text(text)
    with pytest.raises(ScheduleError, match=r"faults\.json"):
        load_schedule(path)


@pytest.mark.system
async def test_the_command_line_arms_shows_plays_and_calms(
    twin: RunningTwin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async def remora(*words: str) -> int:
        return await asyncio.to_thread(run, ["twin", "fault", *words, "--twin", twin.urls["control_url"]])

    await twin.list_market("Will it rain?")
    assert await remora("ws_drop", "--rate", "0.5", "--count", "3") == Exit.OK
    assert "ws_drop: rate 0.5, 3 times" in capsys.readouterr().out
    assert await remora("gremlins") == Exit.FAILED
    assert "The twin refuses: kind" in capsys.readouterr().err
    assert await remora("--calm", "--json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["armed"] == []

    step = FaultStep(at_s=0, kind=FaultKind.RESOLVED_EARLY)
    (path := tmp_path / "faults.json").write_text(dump_schedule(FaultSchedule(seed=5, steps=(step,))))
    assert await remora("--schedule", str(path)) == Exit.OK

    async def happened() -> bool:
        return bool((await twin.get("/faults"))["happened"] == {"resolution_early": 1})

    await eventually(happened, "the schedule's step", patience_s=30)
    nobody = await asyncio.to_thread(run, ["twin", "fault", "--twin", "http://127.0.0.1:9"])
    assert nobody == Exit.UNAVAILABLE
