"""Processes that we started: known by pid and start, so that a recycled pid is never touched."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "REMORA_STACK"
"""Environment variable, inherited by every process of a stack: the path of its state directory."""
LOG_BYTES_MAX = 20 * 1024**2
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run. `env` is put on top of ours; `uid` and `gid` drop root's rights."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    uid: int | None = None
    gid: int | None = None


def started(pid: int) -> str | None:
    """Return what tells this process from any other that ever has its pid; None if it has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform == "linux":
            # raw ticks since boot: unlike a date, they do not move when the clock is set
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
            return f"{_BOOT_ID.read_text().strip()}:{ticks}"
        return f"{process.create_time():.2f}"
    except (psutil.Error, OSError, IndexError):
        return None


def runs(pid: int, start: str) -> bool:
    """Return whether the process that began as `start` still runs."""
    return started(pid) == start


def listens(pid: int, port: int) -> bool:
    """Return whether the process, or one that it started, has the port; True where the system does not tell."""
    try:
        process = psutil.Process(pid)
        sockets = [one for each in (process, *process.children(recursive=True)) for one in each.net_connections()]
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and tuple(one.laddr)[1:2] == (port,) for one in sockets)


def spawn(command: Command, *, log: Path, state_dir: Path) -> int:
    """Start a process in a session of its own, with its output appended to `log`; return its pid."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        process = subprocess.Popen(  # noqa: S603 (the command is ours)
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            env={**os.environ, **command.env, MARK: str(state_dir)},
            user=command.uid,
            group=command.gid,
            extra_groups=[] if command.uid is not None else None,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    # it may outlive us, and is known by its pid from here on: not for Popen to complain about
    process.returncode = 0
    return process.pid


def exit_code(pid: int) -> int | None:
    """Return how a child of ours ended (minus a signal's number), None while it runs; asked once only."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if ended == pid else None


def stop(pid: int, start: str, *, number: int = signal.SIGTERM, patience_s: float = 10.0) -> bool:
    """End the process and its session; return whether it went without being killed. Blocking."""
    if not runs(pid, start):
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    if _gone(pid, start, patience_s):
        _kill_group(pid)
        return True
    _kill_group(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _gone(pid, start, 10.0)
    return False


def strays(state_dir: Path) -> Iterator[tuple[int, str]]:
    """Yield pid and start of every process that carries the mark of `state_dir`, ours excepted."""
    wanted = str(state_dir)
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == wanted and (start := started(process.pid)) is not None:
                yield process.pid, start


def _gone(pid: int, start: str, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while runs(pid, start):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _kill_group(pid: int) -> None:
    """Kill what is left in the session of a process that led one (its pool workers, say)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def tail(log: Path, *, lines: int = 12) -> Sequence[str]:
    """Return the last lines of a log, none if there is none."""
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace").splitlines()[-lines:]
    return []
