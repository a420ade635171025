"""A stack ends with its owner, whatever ends the owner."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import psutil
import pytest

from remora.embedded.processes import started, strays

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

OWNER = """
import asyncio, json, os
from remora.embedded.config import StackConfig
from remora.embedded.services import twin
from remora.embedded.stack import Stack
from remora.embedded.state import StateDir

async def main():
    async with Stack(StackConfig(), [twin(("--empty",))], migrate=False) as stack:
        pids = [p.pid for p in StateDir(stack.state_dir).load().processes] + [stack._watchdog.pid]
        print(json.dumps([str(stack.state_dir), pids]), flush=True)
        await asyncio.sleep(300)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
async def test_nothing_outlives_the_owner(number: signal.Signals) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert owner.stdout is not None
    where, pids = json.loads(await owner.stdout.readline())
    directory = Path(where)
    assert len(pids) == 4
    assert all(started(pid) for pid in pids)

    owner.send_signal(number)
    await owner.wait()
    await _until_gone(pids, directory)

    assert [pid for pid in pids if started(pid)] == []
    assert not directory.exists()  # noqa: ASYNC240 (a test)
    assert list(strays(directory)) == []


async def test_an_owner_killed_while_starting_leaves_nothing() -> None:
    script = OWNER.replace("async with Stack", "print('begun', flush=True)\n    async with Stack")
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert owner.stdout is not None
    await owner.stdout.readline()
    children: list[psutil.Process] = []
    while len(children) < 3:
        children = psutil.Process(owner.pid).children(recursive=True)
        await asyncio.sleep(0.01)
    owner.kill()
    await owner.wait()
    await _until_gone([child.pid for child in children], Path("/nonexistent"))

    assert [child for child in children if started(child.pid)] == []


async def _until_gone(pids: list[int], directory: Path) -> None:
    for _ in range(600):
        if not any(started(pid) for pid in pids) and not directory.exists():  # noqa: ASYNC240 (a test)
            return
        await asyncio.sleep(0.05)
