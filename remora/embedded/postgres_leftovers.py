"""What a killed PostgreSQL left behind: its lock file, and perhaps backends that have not noticed yet."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import psutil

from remora.embedded.errors import CorruptState
from remora.embedded.processes import started

_WAITS = 500


async def clear_leftovers(data: Path, socket: Path) -> None:
    """Remove the lock files of a server that has ended, after ending its last backends.

    PostgreSQL itself takes a zombie, or a stranger with its old pid, for its living predecessor.
    Raises CorruptState if a server runs on `data`.
    """
    lock = data / "postmaster.pid"
    pid = _pid(lock)
    if pid is None:
        pass
    elif started(pid) is None:
        await _end_group(pid)
    elif _is_postgres(pid):
        raise CorruptState(
            f"A PostgreSQL that is not on record (pid {pid}) runs on {data}.",
            "Run `remora down` to end it, or stop that process; then run it again.",
        )
    for file in (lock, socket, socket.with_name(socket.name + ".lock")):
        file.unlink(missing_ok=True)


def _pid(lock: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(lock.read_text().splitlines()[0])
    return None


def _is_postgres(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).name().startswith("postgres")
    return False


async def _end_group(leader: int) -> None:
    """Kill the session of a leader that is gone, so that its id cannot belong to anybody else."""
    for _ in range(_WAITS):
        members = [p.pid for p in psutil.process_iter() if p.pid != leader and _group(p.pid) == leader]
        if not any(started(pid) for pid in members):
            return
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.01)


def _group(pid: int) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getpgid(pid)
    return None
