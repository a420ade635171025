"""``remora data``: the history that selection and backtests read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from remora.research.checking import StoreCheck

app = typer.Typer(help="History on disk: import recorded files, pull from the venue, check what is there.")

Store = Annotated[
    Path | None, typer.Option("--store", help="The store's directory.", show_default="REMORA_RESEARCH_DIR")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Parquet files.")],
    *,
    complete: Annotated[
        bool,
        typer.Option("--complete", help="They hold every trade of their wallets; otherwise nobody qualifies."),
    ] = False,
    event: Annotated[str | None, typer.Option(help="Treat all of their markets as one event.")] = None,
    snapshot_at: Annotated[
        str | None, typer.Option(help="When they were taken.", show_default="the newest time they mention")
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Import recorded trades, positions or markets; every row is kept or counted under a reason.

    A file is recognised by its columns. Importing it again changes nothing; an interrupted import goes on where
    it stopped.
    """
    from datetime import UTC, datetime

    from remora.cli.errors import CommandFailed, Exit
    from remora.cli.progress import RowBar
    from remora.cli.reading import show_json
    from remora.cli.research import instant, research_dir
    from remora.research.formats import UnknownFormat
    from remora.research.imports import ImportOptions, import_file
    from remora.research.store import ResearchStore

    options = ImportOptions(
        complete=complete, event=event, snapshot_at=None if snapshot_at is None else instant(snapshot_at)
    )
    done: list[dict[str, Any]] = []
    for path in files:
        try:
            with RowBar(path.name) as progress:
                found = import_file(
                    ResearchStore(research_dir(store)), path, options, now=datetime.now(UTC), progress=progress
                )
        except UnknownFormat as error:
            raise CommandFailed(f"{path.name}: {error}", code=Exit.USAGE) from error
        done.append(
            {
                "file": path.name,
                "format": found.format,
                "already_there": found.repeated,
                "read": found.manifest.facts["rows"],
                "rows": {table: found.manifest.rows(table) for table in _tables(found.manifest.parts)},
                "rejected": dict(found.manifest.rejected),
                "notes": {note: count for note, count in found.manifest.notes.items() if count},
            }
        )
    if as_json:
        show_json(done)
    else:
        for row in done:
            _tell(row)


@app.command("pull")
def pull_history(
    *,
    wallet: Annotated[
        list[str] | None, typer.Option("--wallet", help="Only this wallet; may be given several times.")
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="Wallets of the boards by volume and by profit.")] = 200,
    recent: Annotated[int, typer.Option(min=0, help="Pages of the newest trades whose wallets count.")] = 2,
    rate: Annotated[float, typer.Option(min=0.1, max=100, help="Requests per second.")] = 15.0,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Pull wallets' public histories and the results of their markets; go on where a pull was interrupted.

    Later pulls read only what is new. A wallet is complete when its pages could be followed from its first trade
    to the last and hold as many markets as the venue says it traded; otherwise it is flagged with the reason.
    """
    import asyncio

    from remora.cli.reading import show_json

    found = asyncio.run(_pull(wallet or [], top, recent, rate, store))
    if as_json:
        show_json(found)
        return
    typer.echo(
        f"{found['wallets']} wallets, {found['trades']} trades, {found['markets']} markets, "
        f"{found['resolutions']} results from {found['source']}, as of {found['as_of']}"
    )
    for name in ("incomplete", "rejected", "notes"):
        if found[name]:
            typer.echo(f"  {name:<11}" + ", ".join(f"{reason} {count}" for reason, count in found[name].items()))


async def _pull(wallets: list[str], top: int, recent: int, rate: float, chosen: Path | None) -> dict[str, Any]:
    import time
    from datetime import UTC, datetime

    from remora.cli.progress import RowBar
    from remora.cli.research import research_dir, venue_history
    from remora.research.pulling import pull
    from remora.research.store import ResearchStore
    from remora.venues.polymarket.pacing import Pacing

    pacing = Pacing(rate, clock=time.monotonic)
    async with venue_history(pacing) as (source, clock):
        now = clock.venue_time(datetime.now(UTC))
        known = list(wallets)
        if not wallets:
            known += await source.leaders(count=top) if top else []
            known += await source.recent_traders(pages=recent) if recent else []
        with RowBar("wallets") as progress:
            found = await pull(ResearchStore(research_dir(chosen)), source, known, now=now, progress=progress)
    return {
        "source": source.name,
        "as_of": now.isoformat(),
        "wallets": found.wallets,
        "trades": found.trades,
        "markets": found.manifest.rows("markets"),
        "resolutions": found.manifest.rows("resolutions"),
        "incomplete": dict(found.incomplete),
        "rejected": dict(found.manifest.rejected),
        "notes": {note: count for note, count in found.manifest.notes.items() if count},
    }


@app.command("check")
def check(
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", help="Judge results and ends of markets by what was known then.", show_default="now"
        ),
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Check that the store is whole, and count what it holds; exit code 1 when something is damaged."""
    from remora.cli.reading import show_json
    from remora.cli.research import instant, open_store
    from remora.research.checking import check_store

    found = check_store(open_store(store), now=instant(as_of))
    if as_json:
        show_json(found.as_json())
    else:
        _show(found)
    raise typer.Exit(0 if found.whole else 1)


def _tables(parts: dict[str, int]) -> list[str]:
    return sorted({name.split("/")[0] for name in parts})


def _tell(row: dict[str, Any]) -> None:
    again = " (the store had it already)" if row["already_there"] else ""
    typer.echo(f"{row['file']}: {row['read']} rows of {row['format']}{again}")
    typer.echo("  stored    " + ", ".join(f"{count} {table}" for table, count in row["rows"].items()))
    for name in ("rejected", "notes"):
        if row[name]:
            typer.echo(f"  {name:<10}" + ", ".join(f"{reason} {count}" for reason, count in row[name].items()))


def _show(found: "StoreCheck") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in found.as_json().items():
        if name in ("problems", "batches", "whole"):
            continue
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name.replace("_", " "), shown or "none")
    table.add_row("batches", str(len(found.batches)))
    Console().print(table)
    for problem in found.problems:
        typer.echo(f"PROBLEM {problem}")
    typer.echo("The store is whole." if found.whole else "The store is not whole.")
