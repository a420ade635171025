"""What an interrupted examination has done already, so that the same command goes on from there."""

import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remora.backtest.pool import Job

NAME_MAX = 100


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A directory of finished jobs of one configuration and seed; without one nothing is kept."""

    directory: Path | None = None

    def load(self, job: Job) -> Any:
        """Return the result of a job that was done before, None if it was not (or not to its end)."""
        if self.directory is None:
            return None
        try:
            return pickle.loads((self.directory / _name(job)).read_bytes())  # noqa: S301 (our own directory)
        except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError):
            return None

    def save(self, job: Job, result: Any) -> None:
        """Keep the result of a job."""
        if self.directory is None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        draft = self.directory / f"{_name(job)}.draft"
        draft.write_bytes(pickle.dumps(result))
        draft.replace(self.directory / _name(job))

    def clear(self) -> None:
        """Forget everything: the report is made."""
        if self.directory is None or not self.directory.is_dir():
            return
        for path in self.directory.iterdir():
            path.unlink()
        self.directory.rmdir()


def _name(job: Job) -> str:
    value = "" if job.value is None else "-" + "".join(c if c.isalnum() else "_" for c in str(job.value))
    if len(value) > NAME_MAX:  # a policy of many numbers is longer than the name of a file may be
        value = f"-{hashlib.sha256(str(job.value).encode()).hexdigest()}"
    return f"{job.kind}-{job.number:06d}{value}.pickle"
