"""Ends a stack whose owner died: ``python -m remora.embedded.watchdog STATE_DIR``.

The owner holds the other end of our standard input; when it is gone, however it went, the pipe closes.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from remora.embedded.state import StateDir
from remora.embedded.stopping import stop_everything


def start(state_dir: Path) -> subprocess.Popen[bytes]:
    """Start a watchdog over a temporary state directory; close its `stdin` to let it act."""
    return subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", "remora.embedded.watchdog", str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main(state_dir: Path) -> int:
    """Wait for the owner's end, stop what it left running and remove its directory."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    if state_dir.exists():
        stop_everything(StateDir(state_dir), patience_s=5.0)
        shutil.rmtree(state_dir, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
