"""What happens to each service, told as it happens."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_WORDS = {
    "preparing": "preparing",
    "starting": "starting",
    "ready": "[green]ready[/green]",
    "running": "[green]runs already[/green]",
    "stopping": "stopping",
    "stopped": "stopped",
    "failed": "[red]failed[/red]",
}
_FINAL = {"ready", "running", "stopped", "failed"}


class ServiceProgress:
    """One line per service on stderr: moving in a terminal, plain lines elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._live = self._console.is_terminal and not quiet
        self._quiet = quiet
        self._tasks: dict[str, TaskID] = {}
        self._began = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(finished_text="•"),
            TextColumn("{task.fields[name]:<12}"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._live,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the screen to somebody else; later reports show only where lines are plain."""
        self._progress.stop()

    def report(self, name: str, phase: str, detail: str) -> None:
        """Show that `name` is now in `phase`."""
        text = f"{_WORDS[phase]}{': ' + detail if detail else ''}"
        if self._live:
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(text, total=1, name=name)
            self._progress.update(self._tasks[name], description=text, completed=1 if phase in _FINAL else 0)
        elif not self._quiet and (phase in _FINAL or detail):
            plain = f"{phase}{': ' + detail if detail else ''}"
            sys.stderr.write(f"{time.monotonic() - self._began:5.1f} s  {name:<12} {plain}\n")


class RowBar:
    """How much of a countable work is done, on stderr: a bar in a terminal, nothing elsewhere."""

    def __init__(self, title: str) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(title, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self._progress.update(self._task, completed=done, total=total)
