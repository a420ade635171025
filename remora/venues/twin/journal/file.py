"""The file in which a twin keeps every step: appended to, never changed, read once when the twin starts."""

import asyncio
import fcntl
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from remora.venues.twin.journal.errors import StateCorrupt, StateError, StateInUse
from remora.venues.twin.journal.lines import line, read
from remora.venues.twin.journal.origin import Origin

FILE = "twin.journal"
LOCK = "twin.lock"
SYNC_SECONDS = 1.0
"""How much a loss of power may take. A process that is killed loses nothing: the kernel has every line."""


class Journal:
    """One open journal; `records` are those that were in it."""

    def __init__(
        self, path: Path, descriptor: int, lock: int, origin: Origin, records: list[dict[str, Any]]
    ) -> None:
        self.path = path
        self.origin = origin
        self.records = records
        self.broken: str | None = None
        self._descriptor = descriptor
        self._lock = lock
        self._unsynced = False

    @classmethod
    def open(cls, directory: Path, origin: Origin) -> "Journal":
        """Open the journal of a directory, or begin one with `origin`; raise StateError.

        A torn end is cut off, and told.
        """
        try:
            return cls._open(directory, origin)
        except OSError as error:
            raise StateError(
                f"{error.filename or directory} cannot be used ({error.strerror}); "
                "make it writable, free some space, or name another directory"
            ) from error

    @classmethod
    def _open(cls, directory: Path, wanted: Origin) -> "Journal":
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _locked(directory)
        path = directory / FILE
        try:
            if not path.exists():
                _begin(path, wanted)
            contents = read(path)
            if not contents.records:
                raise StateCorrupt(f"{path} has no readable beginning; remove it to begin anew")
            first, *records = contents.records
            origin = Origin.from_record(first, path)
            if contents.torn:
                sys.stderr.write(f"twin: the torn end of {path}, {contents.torn} bytes, was cut off\n")
                os.truncate(path, contents.end)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        except BaseException:
            os.close(lock)
            raise
        return cls(path, descriptor, lock, origin, records)

    def append(self, records: list[dict[str, Any]]) -> None:
        """Write records; they outlive this process from here on. Raise StateError, and for ever after."""
        self.require_sound()
        data = b"".join(line(record) for record in records)
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise self._break(error) from error
        if written != len(data):
            self.broken = f"{self.path} took {written} of {len(data)} bytes; free some space and start again"
            raise StateError(self.broken)
        self._unsynced = True

    def require_sound(self) -> None:
        """Raise StateError once a step could not be written: what was done since is nowhere but in memory."""
        if self.broken is not None:
            raise StateError(self.broken)

    async def keep_synced(self) -> None:
        """Have the disk take what was written, about once a second, for ever; raise StateError if it cannot."""
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            if self._unsynced:
                self._unsynced = False
                try:
                    await asyncio.to_thread(os.fsync, self._descriptor)
                except OSError as error:
                    raise self._break(error) from error

    def close(self) -> None:
        """Have the disk take everything and let another twin open it; raise StateError if it does not."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._break(error) from error
        finally:
            os.close(self._descriptor)
            os.close(self._lock)

    def _break(self, error: OSError) -> StateError:
        self.broken = f"{self.path} cannot be written ({error.strerror}); see to its disk and start again"
        return StateError(self.broken)


def instant(record: dict[str, Any]) -> datetime:
    """Return when the step of a record was done."""
    return datetime.fromisoformat(record["at"])


def _locked(directory: Path) -> int:
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StateInUse(f"another twin runs on {directory}; stop it, or name another directory") from None
    return descriptor


def _begin(path: Path, origin: Origin) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(line(origin.as_record()))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
