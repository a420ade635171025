"""``remora follow`` and ``remora unfollow``."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli.options import AsJson, By, Reason

if TYPE_CHECKING:
    from remora.domain.ids import WalletAddress
    from remora.storage.seats import Version

Wallets = Annotated[list[str], typer.Argument(help="Wallets, each 0x and 40 hexadecimal digits.")]


def follow(wallets: Wallets, *, reason: Reason = "", by: By = None, as_json: AsJson = False) -> None:
    """Follow wallets by name, whatever their record: unproven, at the small fixed stake (0.5 % of equity).

    A new version of the roster is published and copied from at once; rescorings keep them until `remora unfollow`,
    or until they earn a seat. Ask `remora explain WALLET` first. A live desk copies them only after
    `remora live allow WALLET`. The roster stays as old as it was: a stale one takes no entries until a rescoring.

    Exit code 2: not an address. 3: refused, because one is on the roster already; nothing was changed.
    """
    _change("follow", wallets, by, reason, as_json=as_json)


def unfollow(wallets: Wallets, *, reason: Reason = "", by: By = None, as_json: AsJson = False) -> None:
    """Follow wallets no longer that were followed by name; what is open keeps its stop-losses and exits.

    A seat that was earned by score is lost by score alone: two bad rescorings in a row.

    Exit code 2: not an address. 3: refused, because one is not followed by name; nothing was changed.
    """
    _change("unfollow", wallets, by, reason, as_json=as_json)


def _change(what: str, wallets: list[str], by: str | None, reason: str, *, as_json: bool) -> None:
    from remora.cli.reading import show_json

    version = asyncio.run(_publish(what, _addresses(wallets), by, reason))
    by_name = [row.follow.whale for row in version.seats if row.follow.unproven]
    if as_json:
        show_json(
            {
                "roster_version": version.number,
                "published_at": version.published_at,
                "followed_by_name": by_name,
                "followed": [
                    {
                        "wallet": row.follow.whale,
                        "status": "unproven" if row.follow.unproven else row.follow.status,
                    }
                    for row in version.seats
                ],
            }
        )
        return
    typer.echo(
        f"Roster {version.number}: {len(version.seats)} wallets, {len(by_name)} of them by name. "
        f"Its age counts from {version.published_at:%Y-%m-%d %H:%M} UTC."
    )


async def _publish(what: str, wallets: list["WalletAddress"], by: str | None, reason: str) -> "Version":
    from datetime import UTC, datetime

    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.reading import database
    from remora.cli.steering import operator
    from starters import following

    change = {"follow": following.follow, "unfollow": following.unfollow}[what]
    async with database() as engine:
        try:
            return await change(engine, wallets, by=by or operator(), reason=reason, now=datetime.now(UTC))
        except following.CannotFollow as error:
            raise CommandFailed(
                f"Refused: {error}.",
                "Nothing was changed. `remora explain WALLET` tells where a wallet stands.",
                code=Exit.REFUSED,
            ) from error


def _addresses(texts: list[str]) -> list["WalletAddress"]:
    """Return the wallets in small letters, each once; raise BadParameter for what is no address."""
    import re

    from remora.domain.ids import WalletAddress

    for text in texts:
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
            raise typer.BadParameter(f"expected 0x and 40 hexadecimal digits, found {text!r}")
    return list(dict.fromkeys(WalletAddress(text.lower()) for text in texts))
