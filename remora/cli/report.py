"""``remora report``."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer


def report(
    *,
    account: Annotated[str | None, typer.Option(help="Account, if several have a desk.")] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="JSON of another report of this period: all of them on one page."),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tearsheet, one page.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tearsheet as a picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make the tearsheet of what an account really did on the twin, on paper or live.

    With --against FILE (the JSON of a backtest or of another account's report) the page holds them side by side
    and says which causes make the difference; the first FILE is the yardstick.
    """
    from remora.cli.backtest.outputs import Outputs
    from remora.cli.errors import CommandFailed, Exit

    if against and png is not None:
        raise CommandFailed("Reports side by side are a page, no picture.", "Leave --png out.", code=Exit.USAGE)
    outputs = Outputs(html=html, png=png, as_json=as_json, title="Report")
    outputs.require_writable()
    others = [(path.stem, _read(path)) for path in against or ()]
    found = asyncio.run(_report(account))
    if not others:
        outputs.write(found)
        return
    _side_by_side([*others, (found["spec"]["mode"], found)], outputs)


def _read(path: Path) -> dict[str, Any]:
    from remora.cli.errors import CommandFailed, Exit

    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{path}: expected a report's JSON ({error}).", code=Exit.USAGE) from None
    if not isinstance(found, dict) or not {"attribution", "funnel", "performance", "money", "spec"} <= set(found):
        raise CommandFailed(
            f"{path} is no report.",
            "Make one with `remora backtest --json` or `remora report --json`.",
            code=Exit.USAGE,
        )
    return found


async def _report(account: str | None) -> dict[str, Any]:
    from remora.backtest.ledger_study import ledger_report
    from remora.backtest.run_log import NothingDecided, opening_cash, run_log
    from remora.cli.errors import CommandFailed
    from remora.cli.reading import reading
    from remora.storage.desk import load_desk

    async with reading(account) as source:
        desk = await load_desk(source.engine, source.account)
        cash = await opening_cash(source.engine, source.account)
        try:
            log = await run_log(source.engine, source.account, opening_cash=cash)
        except NothingDecided as error:
            raise CommandFailed(f"{error}", "Let it trade first.") from None
        return ledger_report(log, name=f"{desk.venue_mode} {source.account[:10]}", mode=desk.venue_mode)


def _side_by_side(reports: list[tuple[str, dict[str, Any]]], outputs: Any) -> None:
    from remora.backtest.tearsheet.triangle import gaps, odd_periods, triangulation
    from remora.cli.reading import show_json

    found, odd = gaps(reports), odd_periods(reports)
    if outputs.html is not None:
        outputs.html.write_text(triangulation(reports), encoding="utf-8")
    if outputs.as_json:
        show_json({"yardstick": reports[0][0], "same_days": not odd, "gaps": found})
        return
    if odd:
        typer.echo(odd)
    for row in found:
        typer.echo(f"{row['name']} against {reports[0][0]}: {row['gap']:+.2f} dollars")
        for cause, dollars in row["causes"].items():
            typer.echo(f"  {cause:<12} {dollars:+10.2f}")
        for reason, change in row["decisions"].items():
            typer.echo(f"  {reason:<22} {change:+d}")
