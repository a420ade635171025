"""``remora status``."""

import json
from typing import Annotated, Any

import typer


def status(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what runs on this machine; exit code 1 unless everything that was started still runs."""
    from remora.cli import local_stack
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir

    found = inspect(StateDir(local_stack.state_dir()))
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        _show(found)
    raise typer.Exit(0 if found.up else 1)


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
