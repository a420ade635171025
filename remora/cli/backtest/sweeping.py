"""Run a grid here or on the research workers, and show its table."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from temporalio.client import Client, WorkflowFailureError

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.pool import cores
from remora.backtest.spec import SpecRefused
from remora.backtest.sweep import Choice, Ground, Point, choice_of, choosing, judged, sweep_here
from remora.backtest.tearsheet.words import count, dollars, number, percent, plain, signed_percent
from remora.cli.backtest.memory import TrialBook
from remora.cli.backtest.period import sentence, stopped
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


def ground_of(request: Request) -> Ground:
    """Return what the points of a request share."""
    return Ground(spec=request.spec, history=request.history, base=request.limits, scoring=request.scoring)


def _here(request: Request, progress: StudyProgress, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    return sweep_here(
        ground_of(request),
        request.points,
        workers=request.workers or cores(),
        progress=progress.told,
        checkpoint=checkpoint,
    )


async def _on_temporal(request: Request, progress: StudyProgress) -> list[dict[str, Any]]:
    client = await connected()
    try:
        return await fanned_out(client, request, progress.told)
    except WorkflowFailureError as error:
        cause = error.cause
        while cause is not None and cause.__cause__ is not None:
            cause = cause.__cause__
        raise CommandFailed(
            f"The sweep failed: {stopped(cause)}", "See its workflow in the Temporal Web UI."
        ) from error


async def fanned_out(
    client: Client, request: Request, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    """Replay a grid on the research workers, one workflow for each choice of whales; return rows by point."""
    from starters.backtest import sweep as start

    asks = asked_of(request)
    replayed = dict.fromkeys(asks, 0)

    async def one(choice: Choice, ask: SweepAsk) -> list[dict[str, Any]]:
        def told(stage: str, done: int, _total: int) -> None:
            replayed[choice] = done
            progress(stage, sum(replayed.values()), len(request.points))

        name = f"backtest/{_digest(ask.model_dump_json())}"
        answer = await start(client, SweepInput(ask=ask), workflow_id=name, progress=told)
        return [row | {"point": dict(choice) | row["point"]} for row in answer.rows]

    answers = await asyncio.gather(*(one(choice, ask) for choice, ask in asks.items()))
    return [row for rows in answers for row in rows]


def asked_of(request: Request) -> dict[Choice, SweepAsk]:
    """Return the request as messages to the research workers: a choice of whales each, with its points' rest."""
    limits = {name: _text(getattr(request.limits, name)) for name in Limits.__dataclass_fields__}
    asks: dict[Choice, list[Point]] = {}
    for point in request.points:
        choice = choice_of(point)
        rest = {name: value for name, value in point.items() if name not in dict(choice)}
        asks.setdefault(choice, []).append(rest)
    return {
        choice: SweepAsk(
            source=json.loads(json.dumps(asdict(request.source))),
            spec=json.loads(json.dumps(asdict(choosing(request.spec, choice)))),
            limits=limits,
            scoring=dict(request.scoring.recorded()),
            fingerprint=request.history.fingerprint,
            points=points,
        )
        for choice, points in asks.items()
    }


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
        + (
            f" ({luck['why_not']})."
            if luck["pbo"] is None
            else f"; a point chosen in one half of the days loses in the other in {percent(luck['loss_outside'])}."
        ),
        highlight=False,
    )
    lacks = ", ".join(f"{percent(share)} {plain(name)}" for name, share in best["lacks"].items())
    kept_out = ", ".join(f"{count(rows)} {plain(name)}" for name, rows in found["data"]["rejected"].items())
    console.print(f"Of what the best one spent: {lacks}. Rows kept out: {kept_out or 'none'}.", highlight=False)
    for notice in found["notices"]:
        console.print(f"Mind: {notice}", highlight=False)
