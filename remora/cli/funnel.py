"""``remora funnel``."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora.cli.duration import span
from remora.cli.options import Account, AsJson

if TYPE_CHECKING:
    from remora.domain.funnel import Funnel


@dataclass(frozen=True, slots=True)
class Scoring:
    """What the newest scoring left with its roster: wallets by gate, rows that could not be used, a verdict."""

    wallets: Mapping[str, int]
    left_out: Mapping[str, int]
    learned_model: str


def funnel(
    *,
    since: Annotated[
        timedelta, typer.Option(parser=span, metavar="SPAN", help="How far back: 90m, 24h, 7d.")
    ] = "24h",  # type: ignore[assignment]
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Look back from then, such as 2026-03-01.", show_default="now")
    ] = None,
    account: Account = None,
    as_json: AsJson = False,
) -> None:
    """Show why nothing (or little) is traded: how many signals each check stopped, in the order of the checks.

    Beside them the wallets by the gate at which they left the newest scoring. Warns when one check stops more than
    95 % of what reached it. `remora decisions --reason CODE` shows the cases.
    """
    from remora.cli.reading import show_json
    from remora.cli.research import instant

    until = instant(as_of)
    found, scoring = asyncio.run(_read(account, until - since, until))
    if as_json:
        show_json(_as_dict(found, until, scoring))
    else:
        _show(found, scoring)


async def _read(account: str | None, since: datetime, until: datetime) -> "tuple[Funnel, Scoring]":
    from remora.cli.reading import reading
    from remora.domain.funnel import funnel_of
    from remora.statistics.scoring_params import in_order
    from remora.storage.decisions import count_outcomes
    from remora.storage.roster import counts_in, learned_in, newest_params

    async with reading(account) as source:
        counts = await count_outcomes(source.engine, source.account, since=since, until=until)
        params = await newest_params(source.engine, as_of=until)
    scoring = Scoring(
        wallets=in_order(counts_in(params, "funnel")),
        left_out=counts_in(params, "left_out"),
        learned_model=learned_in(params).why,
    )
    return funnel_of(counts, since=since), scoring


def _as_dict(found: "Funnel", until: datetime, scoring: "Scoring") -> dict[str, Any]:
    return {
        "as_of": until.isoformat(),
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
        "wallets": scoring.wallets,
        "left_out_rows": scoring.left_out,
        "learned_model": scoring.learned_model,
    }


def _show(found: "Funnel", scoring: "Scoring") -> None:
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
    for title, counts in (("Wallets fell at", scoring.wallets), ("Rows not used", scoring.left_out)):
        if any(counts.values()):
            typer.echo(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items() if count))
    if scoring.wallets:
        typer.echo(f"Learned model: {scoring.learned_model}.")
    if found.warning is not None:
        console.print(found.warning, style="yellow")
