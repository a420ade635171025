"""``remora down``."""

import typer


def down() -> None:
    """Stop the stack; its state stays."""
    from remora.cli import local_stack
    from remora.cli.progress import ServiceProgress
    from remora.embedded.state import StateDir
    from remora.embedded.stopping import stop_everything

    directory = StateDir(local_stack.state_dir())
    if not directory.path.exists():
        typer.echo("The stack is not running; nothing to do.")
        return
    with directory.lock(), ServiceProgress() as progress:
        stopped = stop_everything(directory, tell=lambda name: progress.report(name, "stopping", ""))
        for name in (*stopped.asked, *stopped.killed):
            progress.report(name, "stopped", "had to be killed" if name in stopped.killed else "")
    if stopped.set_aside is not None:
        typer.echo(f"The unreadable record of what runs was set aside as {stopped.set_aside}.")
    typer.echo("The stack is down." if stopped.anything else "The stack is not running; nothing to do.")
