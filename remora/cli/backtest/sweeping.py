"""Run a grid here or on the research workers, and show its table."""

import asyncio
import hashlib
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from temporalio.client import WorkflowFailureError

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.pool import cores
from remora.backtest.spec import SpecRefused
from remora.backtest.sweep import judged, shared_of, sweep_here
from remora.backtest.tearsheet.words import count, dollars, number, percent, signed_percent
from remora.cli.backtest.memory import TrialBook
from remora.cli.backtest.period import sentence, stopped, usage
from remora.cli.backtest.request import Request
from remora.cli.backtest.session import StudyProgress, kept
from remora.cli.errors import CommandFailed, Exit
from remora.cli.reading import show_json
from remora.cli.steering import connected
from remora.domain.limits import Limits
from schemas.backtest import SweepAsk, SweepInput

SHOWN = 25


def sweep(request: Request, *, on: str, as_json: bool) -> None:
    """Replay every point of the grid and print the table; raise CommandFailed."""
    if on not in ("here", "temporal"):
        raise usage(f"--on: expected here or temporal, found {on!r}.")
    progress = StudyProgress()
    checkpoint = kept(request, f"-grid-{_digest(json.dumps(request.points))}")
    with progress.bars:
        try:
            if on == "temporal":
                rows = asyncio.run(_on_temporal(request, progress))
            else:
                rows = _here(request, progress, checkpoint)
        except SpecRefused as error:
            raise CommandFailed(sentence(error), code=Exit.REFUSED) from None
    found = judged(rows, request.spec, request.history, request.limits, request.scoring, TrialBook())
    checkpoint.clear()
    if as_json:
        show_json(found)
    else:
        _show(found)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _here(request: Request, progress: StudyProgress, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    shared = shared_of(request.spec, request.history, request.limits, request.scoring)
    return sweep_here(
        shared,
        request.points,
        workers=request.workers or cores(),
        progress=progress.told,
        checkpoint=checkpoint,
    )


async def _on_temporal(request: Request, progress: StudyProgress) -> list[dict[str, Any]]:
    from starters.backtest import sweep as start

    ask = asked_of(request)
    digest = _digest(ask.model_dump_json())
    client = await connected()
    try:
        answer = await start(client, SweepInput(ask=ask), workflow_id=f"backtest/{digest}", progress=progress.told)
    except WorkflowFailureError as error:
        cause = error.cause
        while cause is not None and cause.__cause__ is not None:
            cause = cause.__cause__
        raise CommandFailed(
            f"The sweep failed: {stopped(cause)}", "See its workflow in the Temporal Web UI."
        ) from error
    return answer.rows


def asked_of(request: Request) -> SweepAsk:
    """Return the request as the message that research workers get."""
    limits = {name: _text(getattr(request.limits, name)) for name in Limits.__dataclass_fields__}
    return SweepAsk(
        source=json.loads(json.dumps(asdict(request.source))),
        spec=json.loads(json.dumps(asdict(request.spec))),
        limits=limits,
        scoring=dict(request.scoring.recorded()),
        fingerprint=request.history.fingerprint,
        points=request.points,
    )


def _text(value: Any) -> str:
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return str(value.total_seconds()) if isinstance(value, timedelta) else str(value)


def _show(found: dict[str, Any]) -> None:
    console = Console()
    names = list(found["points"][0]["point"])
    table = Table(box=None, pad_edge=False)
    for name in (*names, "positions", "profit", "return", "Sharpe", "deepest fall"):
        table.add_column(name, justify="right")
    ordered = sorted(found["points"], key=lambda row: -(row["sharpe_annual"] or -1e9))
    for row in ordered[:SHOWN]:
        table.add_row(
            *row["point"].values(),
            count(row["positions"]),
            dollars(row["pnl"]),
            signed_percent(row["total_return"]),
            number(row["sharpe_annual"]),
            percent(row["drawdown"]),
        )
    console.print(table)
    best, luck = found["best"], found["overfitting"]
    console.print(
        f"{len(found['points'])} points. The best one's deflated Sharpe ratio after {best['trials']} trials: "
        f"{number(best['dsr'], 3)}. Probability of overfitting: {number(luck['pbo'])}"
        + (f" ({luck['why_not']})." if luck["pbo"] is None else "."),
        highlight=False,
    )
