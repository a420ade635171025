"""Starting one service and waiting until it is healthy."""

import asyncio
import shutil
import time
from dataclasses import dataclass

from remora.embedded import processes
from remora.embedded.errors import EmbeddedError, PortInUse, ServiceFailed, disk_full, translate
from remora.embedded.service import Service
from remora.embedded.site import Site
from remora.embedded.state import Running, StateDir

_POLL_S = 0.05
FULL_BYTES = 2 * 1024**2


@dataclass(frozen=True)
class Launched:
    """What is recorded of a process just started, and where its own output begins in the log."""

    record: Running
    log_start: int


def launch(service: Service, site: Site, directory: StateDir) -> Launched:
    """Start the process; it is not healthy yet."""
    log = directory.log(service.name)
    try:
        log_start = log.stat().st_size if log.exists() else 0
        pid = processes.spawn(service.command(site), log=log, state_dir=directory.path)
    except OSError as error:
        raise translate(error, log) from error
    record = Running(
        name=service.name,
        pid=pid,
        start=processes.started(pid) or "ended at once",
        stop_signal=service.stop_signal,
        patience_s=service.stop_patience_s,
    )
    return Launched(record, log_start)


async def wait_healthy(
    service: Service, site: Site, directory: StateDir, launched: Launched, patience_s: float
) -> None:
    """Return once the service answers; raise what its end, its log or its silence stands for."""
    deadline = time.monotonic() + patience_s
    pause_s = _POLL_S
    while True:
        code = processes.exit_code(launched.record.pid)
        if code is not None:
            raise _why(service, directory, launched, f"ended at once with exit code {code}")
        if await service.healthy(site, launched.record.pid):
            return
        if time.monotonic() > deadline:
            raise _why(service, directory, launched, f"did not become healthy within {patience_s:.0f} s")
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.5)


def _why(service: Service, directory: StateDir, launched: Launched, what: str) -> EmbeddedError:
    log = directory.log(service.name)
    said = log.read_bytes()[launched.log_start :].decode(errors="replace")
    # a full disk takes the log's last words too
    full = shutil.disk_usage(directory.path).free < FULL_BYTES
    if full or "No space left on device" in said or "disk is full" in said:
        return disk_full(directory.path)
    if "address already in use" in said.lower() or "cannot be had" in said:
        return PortInUse(
            f"{service.name} {what}: a port that it needs was taken meanwhile.",
            f"Run it again; its output is in {log}.",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = f": {lines[-1][:300]}" if lines else "."
    return ServiceFailed(f"{service.name} {what}{last}", f"Its output is in {log}.")
