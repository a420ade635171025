"""The most memory that processes had: each from its own start, unlike ``ru_maxrss``, which a child inherits."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

LOOK_EVERY_S = 0.05


def high_water_mib(pid: int | str = "self") -> float:
    """Return the most resident MiB that a process has had since it began its program (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


@contextlib.contextmanager
def watched_children() -> Iterator[dict[int, float]]:
    """Give the most MiB of every process started below this one while the block runs, by its id."""
    most: dict[int, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(OSError, StopIteration):
                    most[child.pid] = high_water_mib(child.pid)

    looking = threading.Thread(target=look, name="memory", daemon=True)
    looking.start()
    try:
        yield most
    finally:
        over.set()
        looking.join()
