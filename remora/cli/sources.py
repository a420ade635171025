"""``remora sources``."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer


def sources(
    *,
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="How far back to look.")] = 24.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how late each source was with whales' trades, and how often it was the first.

    The lag counts from the trade's own time, which is in whole seconds; "behind" counts from whichever source was
    first. A source with fewer trades than the others missed some, or was not up.
    """
    from remora.cli.reading import show_json

    rows = asyncio.run(_read(datetime.now(UTC) - timedelta(hours=hours)))
    if as_json:
        show_json(rows)
    else:
        _show(rows)


async def _read(since: datetime) -> list[dict[str, Any]]:
    from remora.cli.reading import reading
    from remora.storage.sightings import source_lags

    async with reading(None) as source:
        return [asdict(row) for row in await source_lags(source.engine, since=since)]


def _show(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo("No source has told of a whale's trade in this time.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("source", "trades", "first", "lag ms p50", "p99", "behind ms p50", "p99"):
        table.add_column(title, justify="left" if title == "source" else "right")
    for row in rows:
        numbers = (row["lag_ms_p50"], row["lag_ms_p99"], row["behind_ms_p50"], row["behind_ms_p99"])
        cells = ["" if number is None else f"{number:.0f}" for number in numbers]
        table.add_row(row["source"], str(row["trades"]), str(row["first"]), *cells)
    Console().print(table)
