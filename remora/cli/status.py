"""``remora status``."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from remora.cli.glance import Glance


def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what runs on this machine and how the desk stands.

    Exit code 1 unless everything that was started still runs.
    """
    from remora.cli import local_stack
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir

    found = inspect(StateDir(local_stack.state_dir()))
    desk = asyncio.run(_desk())
    if as_json:
        from remora.cli.glance_view import as_dict

        told: dict[str, Any] = found.as_json()
        if desk is not None:
            whole = as_dict(desk)
            kept = ("equity", "day_pnl", "cash", "drawdown", "limits_used", "feeds")
            told["desk"] = whole["desk"] | {name: whole[name] for name in kept}
            told["desk"]["positions_open"] = len(desk.positions)
        else:
            told["desk"] = None
        typer.echo(json.dumps(told, indent=2, default=str))
    else:
        _show(found)
        if desk is not None:
            _show_desk(desk)
    raise typer.Exit(0 if found.up else 1)


async def _desk() -> "Glance | None":
    """Look at the desk if there is one that can be read; servers that are down are told by the table above."""
    from sqlalchemy.exc import SQLAlchemyError

    from remora.cli.errors import CommandFailed
    from remora.cli.glance import look
    from remora.cli.reading import reading

    try:
        async with reading() as source:
            return await look(source.engine, source.account)
    except (CommandFailed, SQLAlchemyError, OSError):
        return None


def _show_desk(seen: "Glance") -> None:
    from remora.cli.foreign_text import harmless

    now, desk = seen.measures, seen.desk
    why = f" since {desk.changed_at:%Y-%m-%d %H:%M:%S} UTC by {desk.changed_by}: {desk.reason}"
    typer.echo(
        f"Desk: {desk.mode.value}{'' if desk.mode.value == 'trading' else why}, scale {desk.scale.normalize():f}; "
        f"equity {now.equity:.2f}, today {now.day_pnl:+.2f}, {now.drawdown:.1%} below the high-water mark; "
        f"{len(seen.positions)} positions open."
    )
    attention = [row for row in seen.positions if row.attention]
    for row in attention:
        typer.echo(harmless(f"Needs attention: {row.id} ({row.question}): {row.attention}"))


def _show(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    if not found.services:
        typer.echo("The stack is not running; start it with `remora up`.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("service", "state", "pid", "address"):
        table.add_column(title)
    addresses = {"temporal": f"{found.temporal_address}, Web UI {found.ui_url}", "twin": found.twin_url}
    for service in found.services:
        state = "[green]running[/green]" if service.running else "[red]ended[/red]"
        address = addresses.get(service.name) if service.running else None
        table.add_row(service.name, state, str(service.pid), address or "")
    Console().print(table)
    typer.echo(f"State and logs: {found.state_dir}")
    if not found.up:
        typer.echo("Start what has ended with `remora up`.")
