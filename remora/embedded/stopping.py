"""Ending what a state directory says is running. Blocking, and safe to repeat."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from remora.embedded import processes
from remora.embedded.errors import CorruptState
from remora.embedded.state import Running, StackState, StateDir


@dataclass(frozen=True)
class Stopped:
    """What was ended: by asking, by killing, and an unreadable record that was put aside."""

    asked: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()
    set_aside: Path | None = None

    @property
    def anything(self) -> bool:
        """Whether there was something to do."""
        return bool(self.asked or self.killed or self.set_aside)


def stop_everything(
    directory: StateDir,
    *,
    patience_s: float | None = None,
    tell: Callable[[str], None] = lambda _name: None,
) -> Stopped:
    """Stop every process of the stack, newest first, then those only known by their mark.

    Ports stay recorded, so that the next start finds them. `patience_s` caps the patience with each.
    """
    aside = None
    try:
        state = directory.load()
    except CorruptState:
        state, aside = StackState(), directory.set_aside()
    asked: list[str] = []
    killed: list[str] = []
    for process in reversed(state.processes):
        if processes.runs(process.pid, process.start):
            tell(process.name)
            (asked if _stop(process, patience_s) else killed).append(process.name)
    for pid, start in list(processes.strays(directory.path)):
        if processes.runs(pid, start):
            name = f"unrecorded process {pid}"
            tell(name)
            (asked if processes.stop(pid, start, patience_s=patience_s or 10.0) else killed).append(name)
    if state.processes:
        directory.save(state.model_copy(update={"processes": ()}))
    return Stopped(tuple(asked), tuple(killed), aside)


def _stop(process: Running, patience_s: float | None) -> bool:
    patience = process.patience_s if patience_s is None else min(patience_s, process.patience_s)
    return processes.stop(process.pid, process.start, number=process.stop_signal, patience_s=patience)
