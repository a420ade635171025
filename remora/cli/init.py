"""``remora init``: a commented .env, step by step."""

import os
from pathlib import Path
from typing import Annotated

import typer

from remora.cli.errors import CommandFailed, Exit

MODES = {
    "twin": "the exchange simulated on this machine; nothing else is needed",
    "paper": "live markets, imagined money; nothing else is needed",
    "live": "real money; needs a wallet and its key",
}
MAIN_WALLET = """\
Use a fresh wallet that holds only what you can lose, never your main one: whoever reads its key can empty it.
With a deposit wallet, better still: authorise a session key for it, and give that key here instead of the owner's.
"""
KEEPS = {
    "file": "a file of its own that only you can read",
    "keyring": "the keyring of this system",
    "env": "this .env itself",
}


def init(
    *,
    path: Annotated[Path, typer.Option("--path", help="Where to write.")] = Path(".env"),
    mode: Annotated[str | None, typer.Option(help="twin, paper or live; asked for without it.")] = None,
) -> None:
    """Write a commented .env step by step; what exists is never overwritten.

    A key that you type is not shown, and goes to a file of its own, to the keyring, or into the .env, which only
    you can read.
    """
    if path.exists():
        raise CommandFailed(f"Refused: {path} exists.", "Edit it, or move it away first.", code=Exit.REFUSED)
    chosen = _mode(mode)
    lines = [f"# {MODES[chosen]}", f"REMORA_MODE={chosen}"]
    if chosen == "paper":
        cash = typer.prompt("Dollars on the paper account", default="10000")
        lines += ["# dollars on a new paper account", f"REMORA_PAPER_CASH={cash}"]
    if chosen == "live":
        lines += _live(path)
    lines += _limits() if chosen != "twin" else []
    write_private(path, "\n".join([*lines, ""]))
    _check(path)
    typer.echo(f"Wrote {path}, readable by you only. Next: `remora doctor`.")


def _mode(given: str | None) -> str:
    for name, what in MODES.items():
        typer.echo(f"  {name:<6} {what}")
    chosen = given or typer.prompt("Mode", default="twin")
    if chosen not in MODES:
        raise typer.BadParameter(f"expected twin, paper or live, found {chosen!r}")
    return chosen


def _live(path: Path) -> list[str]:
    """Ask for wallet and key; return the lines that name them."""
    typer.echo(MAIN_WALLET)
    wallet = typer.prompt("Wallet that holds the money (0x…)")
    for name, what in KEEPS.items():
        typer.echo(f"  {name:<8} {what}")
    kept = typer.prompt("Where is its key to be kept", default="file")
    if kept not in KEEPS:
        raise typer.BadParameter(f"expected {', '.join(KEEPS)}, found {kept!r}")
    key = typer.prompt("Private key (not shown)", hide_input=True).strip()
    first_day = typer.prompt("Dollars that entries may commit in the first 24 hours", default="100")
    return [
        "# the wallet that trades",
        f"WALLET_ADDRESS={wallet.strip()}",
        *_keep(kept, key, path),
        "# dollars that entries may commit in the first 24 hours",
        f"REMORA_FIRST_DAY_MAX={first_day}",
    ]


def _keep(kept: str, key: str, path: Path) -> list[str]:
    if kept == "env":
        return ["# the key that signs for it; keep this file out of backups", f"PRIVATE_KEY={key}"]
    if kept == "keyring":
        import keyring

        keyring.set_password("remora", "PRIVATE_KEY", key)
        return ["# the key that signs for it is in the keyring", "REMORA_KEYRING=remora"]
    place = path.absolute().parent / "private.key"
    write_private(place, key + "\n")
    return ["# the key that signs for it", f"PRIVATE_KEY_FILE={place}"]


def _limits() -> list[str]:
    size = typer.prompt("Most dollars in one position", default="1000")
    loss = typer.prompt("Entries halt after a loss of this many dollars on one day", default="500")
    return [
        "# most dollars in one position",
        f"MAX_POSITION_SIZE={size}",
        "# entries halt at this loss since 00:00 UTC; exits never halt",
        f"MAX_DAILY_LOSS={loss}",
    ]


def write_private(path: Path, text: str) -> None:
    """Write a new file that only we can read; raise CommandFailed when something is there already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise CommandFailed(f"Refused: {path} exists.", "Move it away first.", code=Exit.REFUSED) from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)


def _check(path: Path) -> None:
    """Read the file as every command will; a mistake is told and the file taken away again."""
    from remora.settings import SettingsError, load_settings

    try:
        load_settings(path)
    except SettingsError:
        path.unlink()
        raise
