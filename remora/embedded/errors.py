"""What can go wrong with the servers of this machine.

EmbeddedError
├── UnsupportedPlatform   this machine cannot run them
├── PortInUse             somebody else listens there
├── DiskFull              too little room, before or while running
├── NoPermission          a directory or a file refuses us
├── CorruptState          the state directory is not what we wrote
├── Busy                  another `remora up` or `remora down` is at work
├── Unreachable           a server that was named does not answer
└── ServiceFailed         a process ended, or never became healthy
"""

import errno
from pathlib import Path


class EmbeddedError(Exception):
    """A failure with its next step; `str()` gives both, on two lines."""

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n{self.next_step}"


class UnsupportedPlatform(EmbeddedError):
    """This machine cannot run the embedded servers."""


class PortInUse(EmbeddedError):
    """A wanted port belongs to somebody else."""


class DiskFull(EmbeddedError):
    """Too little room on the state directory's disk."""


class NoPermission(EmbeddedError):
    """A directory or a file refuses us."""


class CorruptState(EmbeddedError):
    """The state directory is not what we wrote."""


class Busy(EmbeddedError):
    """Another command is starting or stopping the same stack."""


class Unreachable(EmbeddedError):
    """A server that the settings name does not answer."""


class ServiceFailed(EmbeddedError):
    """A process ended too early, or did not become healthy in time."""


def translate(error: OSError, path: Path) -> EmbeddedError:
    """Return the failure that an operating system's error on `path` stands for."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(path)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NoPermission(
            f"{error.filename or path} cannot be written ({error.strerror}).",
            "Make it yours (chown), or set REMORA_STATE_DIR to a directory that you may write.",
        )
    return CorruptState(
        f"{error.filename or path} cannot be used: {error.strerror or error}.",
        "Move it away, or set REMORA_STATE_DIR to another directory.",
    )


def disk_full(path: Path) -> DiskFull:
    """Return the failure for a disk that ran full."""
    return DiskFull(
        f"No space is left on the disk of {path}.",
        "Free some space there, or set REMORA_STATE_DIR to a directory on another disk; then run it again.",
    )
