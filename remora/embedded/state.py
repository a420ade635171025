"""The state directory: its files, its lock, and the record of what runs."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from remora.embedded.errors import Busy, CorruptState, translate

FILE = "state.json"


class Running(BaseModel):
    """One process of ours. `start` tells it from a later owner of its pid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pid: int
    start: str
    stop_signal: int
    patience_s: float


class StackState(BaseModel):
    """What `up` left running, in the order it was started; holds no secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    processes: tuple[Running, ...] = ()
    ports: dict[str, int] = {}

    def with_process(self, process: Running) -> "StackState":
        """Return the state with `process` as the newest, in place of an older one of its name."""
        kept = tuple(other for other in self.processes if other.name != process.name)
        return self.model_copy(update={"processes": (*kept, process)})


@dataclass(frozen=True)
class StateDir:
    """Paths in a state directory."""

    path: Path

    @property
    def file(self) -> Path:
        """The record of what runs."""
        return self.path / FILE

    @property
    def logs(self) -> Path:
        """One log per service."""
        return self.path / "logs"

    def log(self, name: str) -> Path:
        """Return the log of one service."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Make the directory; raise NoPermission, DiskFull or CorruptState if that fails."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            probe = self.path / ".probe"
            probe.write_bytes(b"x" * 4096)
            probe.unlink()
        except OSError as error:
            raise translate(error, self.path) from error

    def load(self) -> StackState:
        """Return what was recorded, an empty state if nothing was; raise CorruptState if unreadable."""
        try:
            return StackState.model_validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return StackState()
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise CorruptState(
                f"{self.file} is not the record that `remora up` writes ({problem}).",
                "Run `remora down`: it stops what still runs and sets the file aside; your data stays.",
            ) from None
        except OSError as error:
            raise translate(error, self.file) from error

    def save(self, state: StackState) -> None:
        """Replace the record in one step."""
        fresh = self.file.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(state.model_dump_json(indent=1))
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self.file)
        except OSError as error:
            raise translate(error, self.file) from error

    def set_aside(self) -> Path:
        """Rename an unreadable record; return its new name."""
        number = 1
        while (aside := self.path / f"state.broken-{number}.json").exists():
            number += 1
        self.file.replace(aside)
        return aside

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory for one command; raise Busy if another has it."""
        import fcntl  # not everywhere: where it is missing, the words of an unsupported platform must be heard

        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise translate(error, self.path) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
                raise Busy(
                    f"Another command (pid {holder}) is starting or stopping the stack in {self.path}.",
                    "Wait until it is done, then run it again.",
                ) from None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            yield
        finally:
            os.close(descriptor)
