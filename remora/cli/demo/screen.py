"""What the demo shows while it runs, and its report at the end."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from remora.cli.demo.report import Report, Scene
from remora.cli.foreign_text import harmless, literal
from remora.storage.desk import DeskRow
from remora.storage.positions import PositionRow
from remora.storage.summary import Summary

POSITIONS_MAX = 10
PLAIN_EVERY = 5
"""Looks between two lines where the output is no terminal."""

PICTURE_WIDTH = 128
DESK_COLOURS = {"trading": "green", "paused": "yellow", "halted": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What is to be seen at one moment."""

    venue_time: str
    progress: float
    done: bool
    desk: DeskRow
    summary: Summary
    positions: list[PositionRow]
    decisions: list[dict[str, Any]]


class Screen:
    """A live table in a terminal; elsewhere a line now and then."""

    def __init__(self, scene: Scene, console: Console | None = None) -> None:
        self._scene = scene
        self._console = console or Console()
        self._live: Live | None = None
        self._fullest: Glance | None = None
        self._report: Report | None = None
        self._looks = 0
        self._console.print(introduction(scene))

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """Keep the table on the screen while the block runs."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=4) as self._live:
            yield
        self._live = None

    def update(self, glance: Glance) -> None:
        """Show what is to be seen now."""
        if self._fullest is None or len(glance.positions) >= len(self._fullest.positions):
            self._fullest = glance
        if self._live is not None:
            self._live.update(table(self._scene, glance))
        elif self._looks % PLAIN_EVERY == 0 or glance.done:
            self._console.print(line(glance), highlight=False, soft_wrap=True)
        self._looks += 1

    def show(self, report: Report) -> None:
        """Print the closing report."""
        self._report = report
        self._console.print(closing(report))

    def save(self, path: Path) -> None:
        """Write the table as it was fullest, and the report, as a picture."""
        console = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO())
        if self._fullest is not None:
            console.print(table(self._scene, self._fullest))
        if self._report is not None:
            console.print(closing(self._report))
        console.save_svg(str(path), title="remora demo")


def introduction(scene: Scene) -> RenderableType:
    """Return what is played, whom we follow and why, and what is not the product's own policy."""
    name = escape(harmless(scene.name))
    lines = [f"[bold]{name}[/bold]  {scene.window[0]:.16} to {scene.window[1]:.16} UTC, speed {scene.speed:g}"]
    lines += [f"[dim]{escape(notice)}[/dim]" for notice in scene.notices]
    late = f"{scene.speed / 1000:.3g} s"
    lines.append(f"[dim]Time runs {scene.speed:g} times as fast: each of our milliseconds costs {late}.[/dim]")
    if scene.overrides:
        told = ", ".join(f"{name}={value}" for name, value in scene.overrides.items())
        lines.append(f"Policy overrides: {told}")
    lines.append(_followed(scene))
    lines += [
        f"  {row.whale}  "
        + ("[yellow]unproven[/yellow], fixed stake" if row.unproven else f"edge {row.edge:+.3f} per share")
        for row in scene.follows
    ]
    if scene.ui_url:
        lines.append(f"Temporal Web UI: [link={scene.ui_url}]{scene.ui_url}[/link]")
    return Text.from_markup("\n".join(lines))


def _followed(scene: Scene) -> str:
    told = {
        "roster": "Following wallets that passed every gate of the roster",
        "turnover": "Nobody qualified: following the ten largest by turnover",
        "named": "Following the wallets you named",
        "no history": "No history before the window: nobody to follow",
    }[scene.source]
    funnel = ", ".join(f"{name} {count}" for name, count in scene.funnel.items() if count)
    return f"{told}{f' (fell at: {funnel})' if funnel else ''}"


def line(glance: Glance) -> str:
    """Return one line for a log."""
    now = glance.summary
    return (
        f"{glance.venue_time:.19}  {glance.progress:4.0%}  desk {glance.desk.mode.value}  signals {now.signals}  "
        f"copied {now.copied}  skipped {sum(now.skipped.values())}  open {now.open}  closed {now.closed}  "
        f"P&L {now.pnl:+.2f}"
    )


def table(scene: Scene, glance: Glance) -> RenderableType:
    """Return the whole table."""
    now, desk = glance.summary, glance.desk
    head = Text.assemble(
        (f"{glance.venue_time:.16} UTC  {glance.progress:.0%}   ", "bold"),
        ("desk ", "dim"),
        (desk.mode.value, DESK_COLOURS[desk.mode.value]),
        (f" scale {desk.scale.normalize():f}   ", "dim"),
        f"signals {now.signals}  copied {now.copied}  skipped {sum(now.skipped.values())}  "
        f"open {now.open}  closed {now.closed}\n",
        (f"P&L {now.pnl:+.2f}", "green" if now.pnl >= 0 else "red"),
        f"  realised {now.realised_pnl:+.2f}  fees {now.fees:.2f}  cash {desk.cash:.2f}",
    )
    foot = Text(f"Temporal Web UI {scene.ui_url}" if scene.ui_url else "", style="cyan")
    body = Group(head, _positions(glance.positions), _decisions(glance.decisions), foot)
    note = "depth around prices is synthetic"
    return Panel(
        body, title="Remora on the exchange twin", title_align="left", subtitle=note, subtitle_align="left"
    )


def _positions(rows: list[PositionRow]) -> Table:
    made = Table(box=None, pad_edge=False, title="Open positions", title_justify="left", expand=True)
    made.add_column("market", ratio=1, no_wrap=True)
    for name in ("outcome", "whale"):
        made.add_column(name, no_wrap=True, max_width=14)
    for name in ("shares", "paid", "now", "stop", "target", "P&L"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("state", no_wrap=True)
    for row in rows[:POSITIONS_MAX]:
        pnl = row.unrealised_pnl
        prices = (row.books.average_price, row.mark_price, row.stop_price, row.target_price)
        made.add_row(
            literal(row.question),
            literal(row.outcome),
            f"{row.whale[:8]}{'*' if row.unproven else ''}",
            f"{row.books.shares:.2f}",
            *("" if price is None else f"{price:.3f}" for price in prices),
            "" if pnl is None else Text(f"{pnl:+.2f}", style="green" if pnl >= 0 else "red"),
            row.state.value,
        )
    if len(rows) > POSITIONS_MAX:
        made.add_row(f"and {len(rows) - POSITIONS_MAX} more")
    return made


def _decisions(rows: list[dict[str, Any]]) -> Table:
    made = Table(box=None, pad_edge=False, title="Latest decisions", title_justify="left", expand=True)
    for name in ("at", "whale", "trade"):
        made.add_column(name, no_wrap=True)
    made.add_column("market", ratio=1, no_wrap=True)
    made.add_column("decision", no_wrap=True)
    colours = {"copy": "green", "exit": "cyan", "skip": "dim"}
    for row in rows:
        told = row["outcome"] if row["reason"] is None else f"{row['outcome']}: {row['reason']}"
        made.add_row(
            f"{row['decided_at']:%H:%M:%S}",
            f"{row['whale'][:8]}",
            f"{row['side']} {row['trade_size']:.0f} at {row['trade_price']:.3f}",
            literal(row["question"]),
            Text(told, style=colours.get(row["outcome"], "")),
        )
    return made


def closing(report: Report) -> RenderableType:
    """Return the closing report."""
    summary, books = report.summary, report.books
    rows: list[tuple[str, str]] = [
        ("signals", f"{summary.signals}  (of which sales and other exits of whales: {summary.exit_signals})"),
        ("copied", f"{summary.copied}  ({summary.unfilled} unfilled, {summary.unproven} unproven)"),
        ("skipped", _counts(summary.skipped)),
        ("closed", f"{summary.closed}  ({summary.open} still open, {summary.needs_attention} need attention)"),
        ("exits", _counts(summary.exits)),
        ("P&L", f"{summary.pnl:+.2f}  (realised {summary.realised_pnl:+.2f}, open {summary.unrealised_pnl:+.2f})"),
        ("fees", f"{summary.fees:.2f}"),
        ("slippage", f"{summary.slippage:+.2f} against the whales' prices, on {summary.bought:.2f} bought"),
        ("latency", _latency(summary)),
        ("cash", f"{books.our_cash} in our books, {books.their_cash} in the exchange's"),
        ("holdings", f"{len(books.their_shares)} tokens, {len(books.differing_tokens)} differ"),
        ("books equal", "yes" if books.equal else "NO"),
    ]
    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(justify="right", style="bold")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(f"{name}:", value)
    return Group(Text(""), made)


def _counts(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    detail = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"{total}{f'  ({detail})' if detail else ''}"


def _latency(summary: Summary) -> str:
    found = summary.latency_ms
    if found.p50 is None or found.p99 is None:
        return "no order was sent"
    return f"detection to order p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms ({found.count} orders)"
