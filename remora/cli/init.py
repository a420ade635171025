"""``remora init``: a commented .env, step by step."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
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
KEYRING, NAME = "remora", "PRIVATE_KEY"
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
    kept = None
    if chosen == "live":
        kept, about = _live(path)
        lines += about
    if chosen != "twin":
        lines += [*_limits(), *_node()]
    _write(path, lines, kept)
    typer.echo(f"Wrote {path}, readable by you only. Next: `remora doctor`.")


def _mode(given: str | None) -> str:
    for name, what in MODES.items():
        typer.echo(f"  {name:<6} {what}")
    chosen = given or typer.prompt("Mode", default="twin")
    if chosen not in MODES:
        raise typer.BadParameter(f"expected twin, paper or live, found {chosen!r}")
    return chosen


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where a typed key goes: a file of its own, or else the keyring. Secret: never show it."""

    key: str = field(repr=False)
    place: Path | None


def _live(path: Path) -> tuple[_Kept | None, list[str]]:
    """Ask for wallet and key; return where the key goes beside the .env, and the lines that name both."""
    typer.echo(MAIN_WALLET)
    wallet = typer.prompt("Wallet that holds the money (0x…)")
    for name, what in KEEPS.items():
        typer.echo(f"  {name:<8} {what}")
    where = typer.prompt("Where is its key to be kept", default="file")
    if where not in KEEPS:
        raise typer.BadParameter(f"expected {', '.join(KEEPS)}, found {where!r}")
    key = typer.prompt("Private key (not shown)", hide_input=True).strip()
    first_day = typer.prompt("Dollars that entries may commit in the first 24 hours", default="100")
    kept, named = _keep(where, key, path)
    return kept, [
        "# the wallet that trades",
        f"WALLET_ADDRESS={wallet.strip()}",
        *named,
        "# dollars that entries may commit in the first 24 hours",
        f"REMORA_FIRST_DAY_MAX={first_day}",
    ]


def _keep(where: str, key: str, path: Path) -> tuple[_Kept | None, list[str]]:
    if where == "env":
        return None, ["# the key that signs for it; keep this file out of backups", f"PRIVATE_KEY={key}"]
    if where == "keyring":
        return _Kept(key, None), ["# the key that signs for it is in the keyring", f"REMORA_KEYRING={KEYRING}"]
    place = path.absolute().parent / "private.key"
    return _Kept(key, place), ["# the key that signs for it", f"PRIVATE_KEY_FILE={place}"]


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


def _node() -> list[str]:
    node = typer.prompt("A Polygon node that pushes logs (wss://…), or nothing", default="", show_default=False)
    about = "# whales are seen on the chain too, where the others miss some; several with commas"
    return [about, f"REMORA_RPC_WS_URLS={node.strip()}" if node.strip() else "# REMORA_RPC_WS_URLS=wss://…"]


def _write(path: Path, lines: list[str], kept: _Kept | None) -> None:
    """Write the key where it goes, then the file, and read it as every command will; a mistake leaves neither."""
    from remora.settings import SettingsError, load_settings

    forget = _keep_key(kept) if kept is not None else _nothing
    try:
        write_private(path, "\n".join([*lines, ""]))
        try:
            load_settings(path)
        except SettingsError:
            path.unlink()
            raise
    except BaseException:
        forget()
        raise


def _nothing() -> None:
    """Forget nothing: nothing was kept."""


def _keep_key(kept: _Kept) -> Callable[[], object]:
    """Keep the key; return what takes it away again. Never overwrites another key: raises CommandFailed."""
    if kept.place is not None:
        write_private(kept.place, kept.key + "\n")
        return kept.place.unlink
    import keyring
    from keyring.errors import KeyringError

    try:
        before = keyring.get_password(KEYRING, NAME)
        if before is None:
            keyring.set_password(KEYRING, NAME, kept.key)
    except KeyringError as error:
        raise CommandFailed(
            f"The keyring of this system cannot be used: {type(error).__name__}.",
            "Unlock it, or have the key kept in a file.",
            code=Exit.UNAVAILABLE,
        ) from None
    if before not in (None, kept.key):
        raise CommandFailed(
            f"Refused: the keyring has another key under {KEYRING}.",
            f"Take it out first: keyring del {KEYRING} {NAME}",
            code=Exit.REFUSED,
        )
    return _nothing if before is not None else partial(keyring.delete_password, KEYRING, NAME)
