"""``remora reconcile``."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from remora.cli.options import Account, AsJson

if TYPE_CHECKING:
    from schemas.reconcile import ReconcileResult


def reconcile(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare only, change nothing.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the result.")] = 120.0,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Compare our books, the exchange and the running workflows, and repair what is certain.

    Missed fills are booked, positions that nobody looks after get a workflow again, resolved shares are
    redeemed, stop-losses are held against fresh prices. What has no certain explanation is reported and left
    alone. The stack does this by itself every minute.

    Exit code 0: all agree, or what differed was repaired. 1: something is left for a person to look at, also
    with --dry-run. 4: a server or worker does not answer.
    """
    from remora.cli.errors import CommandFailed
    from remora.cli.reading import show_json

    found = asyncio.run(_reconcile(account, timeout, repair=not dry_run))
    if as_json:
        show_json({**found.model_dump(mode="json"), "open_questions": found.open_questions})
    else:
        typer.echo(_told(found))
    if found.open_questions:
        raise CommandFailed(
            f"{found.open_questions} differences are left to look at.",
            "What each code means, and what to do: docs/reliability.md.",
        )


async def _reconcile(account: str | None, within_s: float, *, repair: bool) -> "ReconcileResult":
    from remora.cli.steering import answered, steering
    from remora.storage.desk import load_desk
    from starters.reconcile import reconcile as start
    from workers.venues import positions_mode

    async with steering(account) as source:
        desk = await load_desk(source.engine, source.account)
        # an adopted position shows the mode with which it was started
        mode = positions_mode(desk.venue_mode).value
        run = start(source.client, source.account, mode=mode, repair=repair)
        return await answered(run, what="the reconciliation", within_s=within_s)


def _told(found: "ReconcileResult") -> str:
    if not found.differences:
        return f"Books, exchange and workflows agree; {found.positions} open positions."
    lines = [f"{len(found.differences)} differences, {found.positions} open positions:"]
    for one in found.differences:
        sides = f"ours {one.ours or '-'}, theirs {one.theirs or '-'}"
        lines.append(f"{one.code.value:<20} {one.repair.value:<15} {one.subject}  {sides}  {one.detail}".rstrip())
    return "\n".join(lines)
