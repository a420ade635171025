"""Running a program to its end, and ending it if we are ended first."""

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path

from remora.embedded.processes import MARK, Command


async def run_program(command: Command, *, state_dir: Path) -> tuple[int, str]:
    """Return exit code and output; a cancellation kills the program and all that it started."""
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **command.env, MARK: str(state_dir)},
        # ours may be closed to the user that the program runs as
        cwd="/" if command.uid is not None else None,
        user=command.uid,
        group=command.gid,
        extra_groups=[] if command.uid is not None else None,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace")
