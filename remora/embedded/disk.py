"""Room on the disk, looked at before anything is started."""

import shutil
from pathlib import Path

from remora.embedded.errors import DiskFull

FREE_BYTES_MIN = 500 * 1024**2
"""PostgreSQL's first files and journal take 80 MB, a busy day of both servers a few hundred."""


def require_room(directory: Path, *, bytes_min: int = FREE_BYTES_MIN) -> None:
    """Raise DiskFull unless the disk of an existing `directory` has `bytes_min` free."""
    free = shutil.disk_usage(directory).free
    if free < bytes_min:
        raise DiskFull(
            f"{directory} has {free // 1024**2} MB free, the servers need {bytes_min // 1024**2} MB.",
            "Free some space there, or set REMORA_STATE_DIR to a directory on another disk.",
        )
