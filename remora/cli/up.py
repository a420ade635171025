"""``remora up``."""

from typing import Annotated

import typer

Port = Annotated[int | None, typer.Option(min=1, max=65530, show_default="a free one")]
TwinPort = Annotated[int | None, typer.Option(min=1, max=65529, help="First of seven.", show_default="a free one")]


def up(
    *,
    temporal_port: Port = None,
    ui_port: Port = None,
    twin_port: TwinPort = None,
    servers_only: Annotated[bool, typer.Option("--servers-only", help="PostgreSQL and Temporal only.")] = False,
) -> None:
    """Start the stack on this machine and leave it running.

    In twin mode the account has REMORA_TWIN_CASH dollars of play money on the simulated exchange, once.
    """
    import asyncio

    from remora.cli import live, local_stack
    from remora.cli.progress import ServiceProgress
    from remora.embedded.stack import Stack
    from remora.settings import Mode

    config = local_stack.config().with_ports(temporal=temporal_port, ui=ui_port, twin=twin_port)
    services = [] if servers_only else local_stack.services(config)
    if config.mode is Mode.LIVE and services:
        with ServiceProgress() as progress:
            servers = Stack(config, [], report=progress.report)
            asyncio.run(servers.up())
        asyncio.run(live.ensure_confirmed(ask=False, url=servers.database_url))
    with ServiceProgress() as progress:
        stack = Stack(config, services, report=progress.report)
        started = asyncio.run(stack.up())
    typer.echo("The stack is up." if started else "The stack was up already; nothing to do.")
    if stack.ui_url is not None:
        typer.echo(f"Temporal Web UI  {stack.ui_url}")
    typer.echo(f"State and logs   {stack.state_dir}")
    if any(one.name == "twin" for one in services) and local_stack.season_over(str(stack.twin_control_url)):
        typer.echo("The season's day on the simulated exchange is over: nobody trades there any more.")
        typer.echo("To play another, `remora down`, then `remora up` with a fresh REMORA_STATE_DIR.")
    typer.echo("Stop it with `remora down`.")
