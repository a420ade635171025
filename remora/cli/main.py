"""The command line: ``remora COMMAND``. Each command has a file of its own, listed here."""

import os
import sys
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Sequence
from typing import Any, Final

import typer

from remora.cli import (
    adjust,
    approve,
    close,
    data,
    decisions,
    desk,
    discover,
    doctor,
    down,
    flatten,
    follow,
    funnel,
    init,
    live,
    positions,
    reconcile,
    report,
    rescore,
    resolve,
    sbom,
    session_key,
    sources,
    status,
    top,
    transfer,
    twin,
    up,
    version,
)
from remora.cli.backtest.command import backtest
from remora.cli.demo.command import demo
from remora.cli.errors import Exit, complaint

COMMANDS: Final[dict[str, Callable[..., Any]]] = {
    "demo": demo,
    "up": up.up,
    "down": down.down,
    "status": status.status,
    "positions": positions.positions,
    "position": positions.position,
    "close": close.close,
    "adjust": adjust.adjust,
    "approve": approve.approve,
    "pause": desk.pause,
    "resume": desk.resume,
    "halt": desk.halt,
    "reset": desk.reset,
    "flatten": flatten.flatten,
    "funnel": funnel.funnel,
    "top": top.top,
    "reconcile": reconcile.reconcile,
    "resolve": resolve.resolve,
    "decisions": decisions.decisions,
    "backtest": backtest,
    "report": report.report,
    "discover": discover.discover,
    "explain": discover.explain,
    "follow": follow.follow,
    "unfollow": follow.unfollow,
    "init": init.init,
    "sbom": sbom.sbom,
    "sources": sources.sources,
    "rescore": rescore.rescore,
    "transfer": transfer.transfer,
    "version": version.version,
}
GROUPS: Final[dict[str, typer.Typer]] = {
    "data": data.app,
    "doctor": doctor.app,
    "live": live.app,
    "session-key": session_key.app,
    "twin": twin.app,
}

USAGE_ERROR: Final = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What the parser raises; Typer has it under a private name."""

app = typer.Typer(
    name="remora",
    help="Copy proven Polymarket wallets, one durable workflow per position.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)


def main() -> None:
    """Run the command and end the process.

    It ends at once, without the interpreter's own end: background threads of the Temporal client may
    crash a process that is short-lived, after its work is done and with a wrong exit code.
    """
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # the reader of a pipe has gone
            code = code or Exit.FAILED
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; return its exit code. What went wrong is told on stderr."""
    try:
        result = app(args=list(arguments), prog_name="remora", standalone_mode=False)
        if result == Exit.INTERRUPTED:  # the parser's own answer to Ctrl-C
            return _interrupted()
        return result if isinstance(result, int) else Exit.OK
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt, CancelledError):
        return _interrupted()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else Exit.FAILED
    except Exception as error:  # noqa: BLE001 (the one place where every failure becomes a message)
        return _misused(error) if isinstance(error, USAGE_ERROR) else _tell(error)


def _misused(error: Any) -> int:
    error.show()
    return Exit.USAGE


def _interrupted() -> int:
    sys.stderr.write("Interrupted.\n")
    return Exit.INTERRUPTED


def _tell(error: Exception) -> int:
    if os.environ.get("REMORA_DEBUG") == "1":
        traceback.print_exception(error)
    told = complaint(error)
    sys.stderr.write(_hidden(f"{told.message}\n" + (f"{told.next_step}\n" if told.next_step else "")))
    return told.code


def _hidden(text: str) -> str:
    """Return a message without the settings' secrets: a library may have put a node's address into it."""
    from remora.settings import SettingsError, load_settings
    from remora.telemetry.logs import Redactor

    try:
        return Redactor(load_settings().secrets()).text(text)
    except SettingsError:
        return text


if __name__ == "__main__":
    main()
