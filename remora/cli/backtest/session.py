"""Run a backtest with progress on stderr, and show what it found."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.pool import cores
from remora.backtest.spec import SpecRefused
from remora.backtest.study import Plan, study
from remora.cli.backtest.memory import TrialBook
from remora.cli.backtest.outputs import Outputs
from remora.cli.backtest.period import sentence
from remora.cli.backtest.request import Request
from remora.cli.errors import CommandFailed, Exit
from remora.cli.local_stack import state_dir


class StudyProgress:
    """A bar with the time left per stage, on stderr; silent where stderr is no terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.bars = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def told(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        if stage not in self._tasks:
            self._tasks[stage] = self.bars.add_task(stage, total=total)
        self.bars.update(self._tasks[stage], completed=done, total=total)


def examine(request: Request, outputs: Outputs) -> None:
    """Study the request and write the report where it was asked for."""
    progress = StudyProgress()
    plan = _plan(request)
    with progress.bars:
        try:
            report = study(
                request.spec,
                request.history,
                request.limits,
                request.scoring,
                plan=plan,
                memory=TrialBook(),
                progress=progress.told,
            )
        except SpecRefused as error:
            raise CommandFailed(sentence(error), code=Exit.REFUSED) from None
    plan.checkpoint.clear()
    outputs.write(report)


def kept(request: Request, name: str = "") -> Checkpoint:
    """Keep what is done under the state directory: the same command goes on after an interruption.

    A configuration keeps what it did by its key and seed; `name` sets a grid's points apart.
    """
    spec = request.spec
    key = spec.key(request.history.fingerprint, request.limits, request.scoring)
    return Checkpoint(state_dir() / "backtests" / f"{key}-{spec.seed}{name}")


def _plan(request: Request) -> Plan:
    return Plan(simulations=request.simulations, workers=request.workers or cores(), checkpoint=kept(request))
