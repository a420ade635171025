"""Where a report goes: the terminal, JSON, one page, one picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from remora.backtest.tearsheet.words import count, dollars, number, percent, plain, short_wallet, signed_percent
from remora.cli.errors import CommandFailed, Exit
from remora.cli.reading import show_json

MARKS = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "[yellow]open[/yellow]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What was asked for."""

    html: Path | None = None
    png: Path | None = None
    as_json: bool = False
    title: str = "Backtest"

    def require_writable(self) -> None:
        """Find out now, not after minutes; raise CommandFailed."""
        for path in (self.html, self.png):
            if path is None:
                continue
            new = not path.exists()
            try:
                with path.open("a"):
                    pass
                if new:  # what is refused later leaves no empty page behind
                    path.unlink()
            except OSError as error:
                raise CommandFailed(
                    f"{path} cannot be written: {error.strerror or error}.", "Name another file.", code=Exit.USAGE
                ) from None

    def write(self, report: dict[str, Any]) -> None:
        """Write everything that was asked for; without JSON the terminal gets a summary."""
        if self.html is not None:
            from remora.backtest.tearsheet.page import tearsheet

            self.html.write_text(tearsheet(report, title=self.title), encoding="utf-8")
        if self.png is not None:
            from remora.backtest.tearsheet.picture import save_picture

            save_picture(report, self.png)
        if self.as_json:
            show_json(report)
        else:
            show(report)


def show(report: dict[str, Any]) -> None:
    """Print the verdict, its questions, and the tables that people look at first."""
    console, found = Console(), report["verdict"]
    console.print(f"\nWould a careful person run this? [bold]{found['answer'].capitalize()}.[/bold]")
    console.print(found["sentence"], "\n", sep="")
    questions = Table(box=None, show_header=False, pad_edge=False)
    for question in found["questions"]:
        questions.add_row(MARKS[question["passed"]], question["name"], question["answer"])
    console.print(questions)
    console.print(_lines(report))
    refused = ", ".join(f"{plain(name)} {value}" for name, value in report["funnel"]["refused"].items())
    console.print(f"Refused: {refused or 'nothing'}.", highlight=False)
    for notice in report["notices"]:
        console.print(f"Mind: {notice}", highlight=False)


def _lines(report: dict[str, Any]) -> Table:
    performance, funnel = report["performance"], report["funnel"]
    table = Table(box=None, pad_edge=False)
    for name in ("", "positions", "profit", "return", "Sharpe", "deepest fall"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_row(
        "this configuration",
        count(funnel["filled"]),
        dollars(performance["pnl"]),
        signed_percent(performance["total_return"]),
        number(performance["sharpe_annual"]),
        percent(performance["drawdown"]),
    )
    for row in report["controls"]:
        name = f"{row['name']} (mean of {row['draws']})" if row["draws"] > 1 else row["name"]
        table.add_row(
            name, count(row["positions"]), dollars(row["pnl"]), signed_percent(row["total_return"]), "", ""
        )
    for row in report["attribution"]["by_whale"][:5]:
        table.add_row(f"  {short_wallet(row['name'])}", count(row["positions"]), dollars(row["pnl"]), "", "", "")
    return table
