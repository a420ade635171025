"""``remora approve``: let the venue's contracts move the wallet's dollars and shares."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import typer

from remora.cli.errors import CommandFailed, Exit

Json = Annotated[bool, typer.Option("--json", help="Print JSON: what is missing, or with --yes what was granted.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def approve(*, yes: Yes = False, as_json: Json = False) -> None:
    """Show which approvals trading still needs, ask, and grant them on the chain.

    Each approval lets one contract of the venue move all of the wallet's pUSD or shares, for as long as it is not
    taken back: keep in the wallet only what you trade with. A wallet of its own key (type 0) sends one transaction
    for each and pays the gas; other wallets sign once for the relayer (RELAYER_API_KEY). Exit code 1 when
    approvals are missing and nothing was granted.
    """
    raise typer.Exit(asyncio.run(_approve(yes=yes, as_json=as_json)))


async def _approve(*, yes: bool, as_json: bool) -> Exit:
    from remora.cli.reading import show_json
    from remora.settings import load_settings
    from workers.venues import open_trading_venue

    venue = await open_trading_venue(load_settings())
    try:
        missing = await venue.chain.missing_approvals()
        report: dict[str, Any] = {"account": venue.account, "missing": [asdict(one) for one in missing]}
        if not missing or (as_json and not yes):
            if as_json:
                show_json(report | {"granted": []})
            else:
                typer.echo(f"Nothing to approve: account {venue.account} is ready to trade.")
            return Exit.FAILED if missing else Exit.OK
        if not as_json:
            _show(venue.account, report["missing"])
        if not yes and not typer.confirm("Grant them now?"):
            raise CommandFailed("Nothing was granted.", code=Exit.FAILED)
        report["granted"] = await _grant(venue, missing, quiet=as_json)
    finally:
        await venue.close()
    if as_json:
        show_json(report)
    return Exit.OK


def _show(account: str, missing: list[dict[str, Any]]) -> None:
    typer.echo(f"Account {account} has not approved:")
    for one in missing:
        typer.echo(f"  {one['token_name']} for the {one['spender_name']} ({one['spender']})")
    typer.echo("Each lets that contract move all of the wallet's pUSD or shares until it is taken back.")


async def _grant(venue: Any, missing: list[Any], *, quiet: bool) -> list[dict[str, str]]:
    granted: list[dict[str, str]] = []
    async for step in venue.chain.approve(missing):
        granted.append({"spender": step.approval.spender, "transaction_hash": step.transaction_hash})
        if not quiet:
            what = f"{step.approval.token_name} for the {step.approval.spender_name}"
            typer.echo(f"  {len(granted)} of {len(missing)}: {what}, transaction {step.transaction_hash}")
    return granted
