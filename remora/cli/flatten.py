"""``remora flatten``."""

import asyncio
import sys
from collections import Counter
from typing import Annotated, Any

import typer

from remora.cli.options import Account, AsJson, By, Reason

LOOK_EVERY_S = 0.5


def flatten(
    *,
    reason: Reason = "",
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait until all is sold.")] = 120.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Stop entries and sell every position at whatever the book pays; wait until all are closed.

    Entries stay stopped afterwards: `remora resume` allows them again. In an outage the order stands, and
    everything is sold once the venue answers.

    Exit code 0: nothing is held any more. 1: some cannot be sold and wait for their resolution, or a person.
    4: a server or worker does not answer, or not all was sold in time (it goes on).
    """
    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.reading import show_json

    if not yes and sys.stdin.isatty():
        typer.confirm("Sell every open position now, at any price?", abort=True)
    left = asyncio.run(_flatten(account, by, reason, timeout))
    told = ", ".join(f"{count} {state}" for state, count in sorted(left.items()))
    if as_json:
        show_json({"flat": not left, "left": dict(left)})
    elif not left:
        typer.echo("Flat: nothing is held. Entries are stopped; `remora resume` allows them again.")
    if not left:
        return
    stuck = {"awaiting_resolution", "redeeming", "needs_attention"}
    if set(left) <= stuck:
        raise CommandFailed(f"Not flat: {told}.", "See `remora positions`.")
    raise CommandFailed(
        f"Not flat within {timeout:g} s: {told}. It goes on without this command.",
        "See `remora positions`.",
        code=Exit.UNAVAILABLE,
    )


async def _flatten(account: str | None, by: str | None, reason: str, within_s: float) -> Counter[str]:
    from remora.cli.steering import answered, operator, steering
    from starters import desk

    async with steering(account) as source:
        update = desk.flatten(source.client, source.account, by=by or operator(), reason=reason)
        await answered(update, what="the desk", within_s=within_s)
        return await _sold(source, within_s)


async def _sold(source: Any, within_s: float) -> Counter[str]:
    """Wait until nothing is held or nothing more can be sold; return what is left, by state."""
    from rich.progress import Progress

    from remora.storage.positions import list_positions

    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        task = None
        while True:
            rows = await list_positions(source.engine, source.account, limit=100_000)
            left = Counter(row.state.value for row in rows)
            selling = sum(left[state] for state in ("signalled", "entering", "open", "exiting"))
            if task is None:
                task = progress.add_task("selling", total=selling or 1)
            progress.update(task, completed=(progress.tasks[0].total or 0) - selling)
            if not selling or loop.time() > deadline:
                return left
            await asyncio.sleep(LOOK_EVERY_S)
