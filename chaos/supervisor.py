"""Starts again what was killed, as an init system would, and counts."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Sequence
from typing import Self

import httpx

from remora.embedded.errors import EmbeddedError
from remora.embedded.processes import runs, started, tail
from remora.embedded.stack import Stack

LOOK_EVERY_S = 0.1


class Supervisor:
    """Keeps `names` running; `killed` and `stalled` count what really happened to a living process."""

    def __init__(self, stack: Stack, names: Sequence[str]) -> None:
        self._stack = stack
        self._names = names
        self._keeping: list[asyncio.Task[None]] = []
        self._stalls: set[asyncio.Task[None]] = set()
        self._struck: set[int] = set()
        self.killed: Counter[str] = Counter()
        self.stalled: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()
        self.gave_up: list[str] = []
        """Processes that ended by themselves, with their last words."""

    async def __aenter__(self) -> Self:
        self._keeping = [asyncio.create_task(self._keep(name), name=f"keep {name}") for name in self._names]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._keeping, *self._stalls):
            task.cancel()
        await asyncio.gather(*self._keeping, *self._stalls, return_exceptions=True)

    def kill(self, name: str) -> bool:
        """End a process at once, as the kernel does when memory runs out; False if it did not run."""
        pid = self._stack.pid(name)
        if not _alive(pid):
            return False
        self._struck.add(pid)
        os.kill(pid, signal.SIGKILL)
        self.killed[name] += 1
        return True

    def stall(self, name: str, seconds: float) -> bool:
        """Stop a process and let it go on after `seconds`; False if it did not run."""
        pid = self._stack.pid(name)
        if not _alive(pid):
            return False
        os.kill(pid, signal.SIGSTOP)
        self.stalled[name] += 1
        task = asyncio.create_task(_wake(pid, seconds))
        self._stalls.add(task)
        task.add_done_callback(self._stalls.discard)
        return True

    async def all_up(self) -> None:
        """Return once nobody is stalled and everybody runs."""
        while self._stalls or not all(_alive(self._stack.pid(name)) for name in self._names):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)

    async def _keep(self, name: str) -> None:
        while True:
            pid = self._stack.pid(name)
            if _alive(pid):
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            if pid not in self._struck:
                log = self._stack.state_dir / "logs" / f"{name}.log"
                self.gave_up.append(f"{name}: {' | '.join(tail(log, lines=3))[-600:]}")
            self.restarts[name] += 1
            # it may be killed again while it starts, or what it needs may be down
            with contextlib.suppress(EmbeddedError, httpx.HTTPError):
                await self._stack.restart(name)
            await asyncio.sleep(LOOK_EVERY_S)


async def _wake(pid: int, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _alive(pid: int) -> bool:
    start = started(pid)
    return start is not None and runs(pid, start)
