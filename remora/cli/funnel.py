"""``remora funnel``."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.duration import span
from remora.cli.options import Account, AsJson

if TYPE_CHECKING:
    from remora.domain.funnel import Funnel


def funnel(
    *,
    since: Annotated[
        timedelta, typer.Option(parser=span, metavar="SPAN", help="How far back: 90m, 24h, 7d.")
    ] = "24h",  # type: ignore[assignment]
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Show why nothing (or little) is traded: how many signals each check stopped, in the order of the checks.

    Warns when one check stops more than 95 % of what reached it. `remora decisions --reason CODE` shows the cases.
    """
    from remora.cli.reading import show_json

    found, wallets = asyncio.run(_read(account, datetime.now(UTC) - since))
    if as_json:
        show_json(_as_dict(found, wallets))
    else:
        _show(found, wallets)


async def _read(account: str | None, since: datetime) -> "tuple[Funnel, dict[str, int]]":
    from remora.cli.reading import reading
    from remora.domain.funnel import funnel_of
    from remora.statistics.scoring_params import in_order
    from remora.storage.decisions import count_outcomes
    from remora.storage.roster import latest_funnel

    async with reading(account) as source:
        counts = await count_outcomes(source.engine, source.account, since=since)
        return funnel_of(counts, since=since), in_order(await latest_funnel(source.engine))


def _as_dict(found: "Funnel", wallets: dict[str, int]) -> dict[str, Any]:
    return {
        "since": found.since.isoformat(),
        "signals": found.signals,
        "copied": found.copied,
        "exit_signals": found.exit_signals,
        "stopped": [
            {
                "reason": step.reason.value,
                "reached": step.reached,
                "stopped": step.stopped,
                "share": round(step.share, 4),
            }
            for step in found.steps
        ],
        "most": None if found.most is None else found.most.reason.value,
        "warning": found.warning,
        "wallets": wallets,
    }


def _show(found: "Funnel", wallets: dict[str, int]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    typer.echo(
        f"Since {found.since:%Y-%m-%d %H:%M} UTC: {found.signals} purchases of whales, {found.copied} copied; "
        f"{found.exit_signals} sales passed to positions."
    )
    if found.steps:
        table = Table(box=None, pad_edge=False)
        table.add_column("check")
        for title in ("reached", "stopped", "of those"):
            table.add_column(title, justify="right")
        for step in found.steps:
            mark = " <" if step is found.most else ""
            table.add_row(step.reason.value + mark, str(step.reached), str(step.stopped), f"{step.share:.0%}")
        table.add_row("copied", str(found.copied), "", "")
        console.print(table)
    if wallets:
        typer.echo("Wallets fell at: " + ", ".join(f"{gate} {count}" for gate, count in wallets.items() if count))
    if found.warning is not None:
        console.print(found.warning, style="yellow")
