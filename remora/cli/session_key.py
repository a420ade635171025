"""``remora session-key``: a key that may trade and nothing else, in place of the owner's."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.errors import CommandFailed, Exit

if TYPE_CHECKING:
    from remora.venues.polymarket.session_keys import SessionKeys

app = typer.Typer(
    no_args_is_help=True,
    help="Let another key trade for a deposit wallet, see which may, take it back.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Address = Annotated[str, typer.Argument(help="The session key's address, 0x and 40 hexadecimal digits.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def new(
    *, path: Annotated[Path, typer.Option("--path", help="Where to write the key.")] = Path("session.key")
) -> None:
    """Make a key in a file that only you can read, and print its address. Nothing is sent."""
    from remora.cli.init import write_private
    from remora.venues.polymarket.sdk import address_of, new_key

    made = new_key()
    write_private(path, made + "\n")
    typer.echo(f"{address_of(made)} (its key is in {path})")
    typer.echo("Next, with the owner's key: `remora session-key authorize` and this address.")


@app.command("list")
def show(*, as_json: Json = False) -> None:
    """Show the session keys that may trade for the wallet. Needs the owner's key."""
    from remora.cli.reading import show_json

    async def read(keys: "SessionKeys") -> list[dict[str, Any]]:
        return [asdict(one) for one in await keys.listed()]

    rows = asyncio.run(_with_owner(read))
    if as_json:
        show_json(rows)
    elif not rows:
        typer.echo("No session key may trade for this wallet.")
    else:
        for row in rows:
            typer.echo(
                f"{row['address']}  {', '.join(row['scopes'])}  until {row['valid_until']:%Y-%m-%d %H:%M} UTC"
            )


@app.command()
def authorize(address: Address, *, yes: Yes = False, as_json: Json = False) -> None:
    """Let a key place and cancel orders for the wallet, for 180 days; it can withdraw and approve nothing.

    Run it once with the owner's PRIVATE_KEY and the three POLYMARKET_BUILDER_ variables; then give Remora the
    session key as PRIVATE_KEY, with REMORA_SESSION_KEY=true, and take the owner's key off this machine.
    """
    from remora.cli.reading import show_json

    _ask(f"Let {address} trade with everything that the wallet holds?", yes=yes)

    async def grant(keys: "SessionKeys") -> dict[str, Any]:
        return asdict(await keys.authorise(address))

    made = asyncio.run(_with_owner(grant))
    if as_json:
        show_json(made)
    else:
        typer.echo(f"{made['address']} may trade until {made['valid_until']:%Y-%m-%d %H:%M} UTC.")


@app.command()
def revoke(address: Address, *, yes: Yes = False) -> None:
    """Take a session key's permission back. Needs the owner's key, and RELAYER_API_KEY or a builder key."""
    _ask(f"Take the permission of {address} back?", yes=yes)

    async def take_back(keys: "SessionKeys") -> None:
        await keys.revoke(address)

    asyncio.run(_with_owner(take_back))
    typer.echo(f"{address} may trade no more.")


def _ask(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(question):
        raise CommandFailed("Nothing was changed.", code=Exit.FAILED)


async def _with_owner(act: Any) -> Any:
    from remora.settings import load_settings
    from remora.venues.venue import VenueRefused
    from workers.venues import open_trading_venue

    venue = await open_trading_venue(load_settings())
    try:
        return await act(venue.session_keys)
    except VenueRefused as error:
        raise CommandFailed(
            f"Refused: {error}",
            "Session keys are for deposit wallets (type 3) and managed with the owner's key; see docs/live.md.",
            code=Exit.REFUSED,
        ) from None
    finally:
        await venue.close()
