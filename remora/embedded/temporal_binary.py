"""The `temporal` program: on PATH, beside our Python (the wheel puts it there), or the SDK's download."""

import os
import shutil
import sys
from pathlib import Path

from remora.embedded.errors import UnsupportedPlatform


async def temporal_binary(download_dir: Path, *, path: str | None = None, beside: Path | None = None) -> Path:
    """Return the program to start the server with; raise UnsupportedPlatform if it cannot be had."""
    found = shutil.which("temporal", path=path)
    if found is not None:
        return Path(found)
    wheel = (beside or Path(sys.executable).parent) / "temporal"
    if os.access(wheel, os.X_OK):
        return wheel
    return _downloaded(download_dir) or await _download(download_dir)


def _downloaded(directory: Path) -> Path | None:
    programs = sorted(p for p in directory.glob("temporal*") if p.is_file() and os.access(p, os.X_OK))
    return programs[-1] if programs else None


async def _download(directory: Path) -> Path:
    """Let the SDK fetch its development server, by starting one and stopping it again."""
    from temporalio.testing import WorkflowEnvironment

    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 (once, before anything else runs)
    try:
        environment = await WorkflowEnvironment.start_local(download_dest_dir=str(directory))
        await environment.shutdown()
    except RuntimeError as error:
        raise UnsupportedPlatform(
            f"No `temporal` program was found, and it could not be downloaded: {error}",
            "Install the Temporal CLI so that `temporal` is on PATH, or set TEMPORAL_ADDRESS to a server.",
        ) from None
    program = _downloaded(directory)
    if program is None:
        raise UnsupportedPlatform(
            f"No `temporal` program was found, and the download left none in {directory}.",
            "Install the Temporal CLI so that `temporal` is on PATH, or set TEMPORAL_ADDRESS to a server.",
        )
    return program
