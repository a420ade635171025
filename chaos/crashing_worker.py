"""A trading worker that dies, by SIGKILL, at the first outstanding crash point it reaches, and is forked anew.

The parent imports everything once: a new worker is there in a moment.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from chaos import points

TODO = "REMORA_CRASH_POINTS"
"""Path of a file with one point a line; those reached are written, one a line, beside it as ``.done``."""


def done_of(todo: Path) -> Path:
    """Return the file of the points that were reached."""
    return todo.with_suffix(".done")


def main() -> None:
    """Fork workers until told to stop; whatever point comes first ends one."""
    todo = Path(os.environ[TODO])
    points.install()
    from workers.trading import main as serve

    child = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        if child:
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            points.set_hook(_killer(todo))
            sys.argv = ["workers.trading"]
            serve()
            os._exit(0)
        os.waitpid(child, 0)


def _killer(todo: Path) -> points.Hook:
    done = done_of(todo)
    passed = set(done.read_text().splitlines()) if done.exists() else set()
    outstanding = set(todo.read_text().splitlines()) - passed

    def die(point: str) -> None:
        if point not in outstanding:
            return
        with done.open("a") as file:
            file.write(f"{point}\n")
        os.kill(os.getpid(), signal.SIGKILL)

    return die


if __name__ == "__main__":
    main()
