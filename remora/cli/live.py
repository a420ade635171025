"""``remora live``: real money, once, on purpose."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from remora.cli.errors import CommandFailed, Exit

app = typer.Typer(no_args_is_help=True, help="Allow this account to trade real money, and see what it may do.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Whale = Annotated[str, typer.Argument(help="A whale's wallet, 0x and 40 hexadecimal digits.")]

WARNING = """\
Account {account} will trade real money, by itself, until you stop it.

  * Use a wallet that holds only what you can lose. Never your main wallet.
  * You may lose everything you put there. A record on paper or in a backtest promises nothing.
  * It is for your own account only, where the venue and your law allow it; nothing here is advice, and nothing
    helps around the venue's restrictions.
  * In the 24 hours from the first purchase on, entries commit at most ${first_day} (REMORA_FIRST_DAY_MAX).
  * `remora pause` stops entries, `remora flatten` sells everything, `remora down` stops the programs.
"""


def phrase(account: str) -> str:
    """Return what a person must type."""
    return f"trade real money with {account}"


@app.command()
def confirm() -> None:
    """Allow live trading: shows what that means and asks for a sentence, once per account."""
    asyncio.run(ensure_confirmed(ask=True))


@app.command()
def status(*, as_json: Json = False) -> None:
    """Show whether this account may open positions; exit code 1 if not."""
    asyncio.run(_status(as_json=as_json))


@app.command()
def allow(whale: Whale) -> None:
    """Let a whale trade live before it passed its time on paper: unproven, at the small fixed stake."""
    asyncio.run(_allow(_wallet(whale)))


@app.command()
def forbid(whale: Whale) -> None:
    """Take `allow` back."""
    asyncio.run(_forbid(_wallet(whale)))


async def ensure_confirmed(*, ask: bool, url: str | None = None) -> None:
    """Return once the account is confirmed; raise CommandFailed when it is not and nobody can be asked."""
    from remora.cli.steering import operator
    from remora.storage import live

    account, first_day = _account()
    async with _database(url) as engine:
        if await live.confirmation(engine, account) is not None:
            if ask:
                typer.echo(f"Account {account} is confirmed already.")
            return
        if not sys.stdin.isatty() and not ask:
            raise CommandFailed(
                f"Refused: nobody confirmed live trading with {account}.",
                "Run `remora live confirm` and type what it asks for.",
                code=Exit.REFUSED,
            )
        typer.echo(WARNING.format(account=account, first_day=first_day))
        typed = typer.prompt(f"Type: {phrase(account)}\n", prompt_suffix="> ")
        if typed.strip() != phrase(account):
            raise CommandFailed("Refused: that is another sentence; nothing was changed.", code=Exit.REFUSED)
        await live.confirm(engine, account, by=operator(), phrase=typed.strip(), now=datetime.now(UTC))
    typer.echo(f"Confirmed. Account {account} may trade real money from now on.")


async def _status(*, as_json: bool) -> None:
    from remora.cli.reading import show_json
    from remora.domain.permission import first_day_room, refuse_entry
    from remora.storage import live

    account, first_day = _account()
    now = datetime.now(UTC)
    async with _database() as engine:
        async with engine.connect() as connection:
            permission = await live.permission(connection, account)
        whales = await live.allowed_whales(engine, account)
    refusal = refuse_entry(permission, now)
    room = first_day_room(permission, first_day, now)
    found: dict[str, Any] = {
        "account": account,
        "may_open": refusal is None,
        "reason": None if refusal is None else refusal[0].value,
        "detail": "" if refusal is None else refusal[1],
        "confirmed_at": permission.confirmed_at,
        "checked_at": permission.access_at,
        "first_day_left_usd": room,
        "unproven_whales": [override.whale for override in whales],
    }
    if as_json:
        show_json(found)
    else:
        typer.echo("May open positions." if refusal is None else f"May not open positions: {found['detail']}.")
        if room is not None:
            typer.echo(f"First day: ${room} left of ${first_day}.")
        for override in whales:
            typer.echo(f"Unproven, allowed by {override.allowed_by}: {override.whale}")
    raise typer.Exit(Exit.OK if refusal is None else Exit.FAILED)


async def _allow(whale: str) -> None:
    from remora.cli.steering import operator
    from remora.domain.ids import WalletAddress
    from remora.storage import live

    account, _ = _account()
    async with _database() as engine:
        await live.allow_whale(engine, account, WalletAddress(whale), by=operator(), now=datetime.now(UTC))
    typer.echo(f"{whale} may trade live, unproven, at the small fixed stake. `remora live forbid` takes it back.")


async def _forbid(whale: str) -> None:
    from remora.domain.ids import WalletAddress
    from remora.storage import live

    account, _ = _account()
    async with _database() as engine:
        if not await live.forbid_whale(engine, account, WalletAddress(whale)):
            raise CommandFailed(f"{whale} was not allowed by name.", "See `remora live status`.")
    typer.echo(f"{whale} must pass its time on paper again before it trades live.")


def _wallet(text: str) -> str:
    import re

    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise typer.BadParameter(f"expected 0x and 40 hexadecimal digits, found {text!r}")
    return text.lower()


def _account() -> tuple[Any, Any]:
    """Return the live account and its first day's limit; raise CommandFailed without a wallet."""
    from remora.domain.ids import AccountId
    from remora.settings import load_settings

    settings = load_settings()
    if settings.wallet_address is None:
        raise CommandFailed(
            "WALLET_ADDRESS: expected the wallet that is to trade, found nothing.",
            "Set it in .env; `remora init` helps.",
            code=Exit.USAGE,
        )
    return AccountId(settings.wallet_address), settings.first_day_max_usd


def _database(url: str | None = None) -> Any:
    import contextlib
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

    from remora.cli import local_stack
    from remora.embedded.inspection import inspect
    from remora.embedded.state import StateDir
    from remora.settings import load_settings
    from remora.storage.engine import create_engine

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[AsyncEngine]:
        found = url or load_settings().database_url or inspect(StateDir(local_stack.state_dir())).database_url
        if found is None:
            raise CommandFailed(
                "No database: it keeps the confirmation.",
                "Run `remora up --servers-only` first, or set DATABASE_URL.",
                code=Exit.UNAVAILABLE,
            )
        engine = create_engine(found)
        try:
            yield engine
        finally:
            await engine.dispose()

    return opened()
