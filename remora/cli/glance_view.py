"""How one look at a desk reads on a screen, and as JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from remora.cli import positions
from remora.cli.foreign_text import literal
from remora.cli.glance import Glance, distance
from remora.storage.feeds import FeedHealth

MODES = {"trading": "bold green", "paused": "bold yellow", "halted": "bold red"}
OUTCOMES = {"copy": "green", "exit": "cyan", "skip": "dim"}
SILENT_AFTER_S = 60
ROWS_MAX = 20


def view(seen: Glance) -> RenderableType:
    """Return the whole screen."""
    body = Group(
        _head(seen),
        Columns([_limits(seen), _feeds(seen), _turns(seen)], padding=(0, 4)),
        _positions(seen),
        _decisions(seen),
    )
    return Panel(body, title=f"remora top  {seen.at:%Y-%m-%d %H:%M:%S} UTC", title_align="left")


def _head(seen: Glance) -> Text:
    desk, now = seen.desk, seen.measures
    why = f" ({desk.reason} by {desk.changed_by})" if desk.mode.value != "trading" else ""
    return Text.assemble(
        (desk.mode.value, MODES[desk.mode.value]),
        (why, "dim"),
        f"  scale {desk.scale.normalize():f}   equity {now.equity:.2f}   ",
        _signed("day", now.day_pnl),
        "   ",
        _signed("realised", now.realised),
        "   ",
        _signed("open", now.unrealised),
        f"   cash {now.cash:.2f} ({now.reserved:.2f} reserved)   {now.drawdown:.1%} below the mark",
        f"   {desk.venue_mode}",
    )


def _signed(word: str, dollars: Decimal) -> Text:
    return Text(f"{word} {dollars:+.2f}", style="green" if dollars >= 0 else "red")


def _plain(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _limits(seen: Glance) -> Table:
    table = _plain("Limits used", "", "")
    for name, used in sorted(seen.limits.items()):
        style = "red" if used >= 1 else "yellow" if used >= Decimal("0.8") else ""
        blocks = "█" * min(10, int(used * 10))
        table.add_row(name.replace("_", " "), Text(f"{blocks:<10} {used:4.0%}", style=style))
    return table


def _feeds(seen: Glance) -> Table:
    table = _plain("Feeds", "", "")
    for feed in seen.feeds:
        seconds = feed.silence(seen.at).total_seconds()
        word = f"{seconds:.0f} s ago" if seconds < SILENT_AFTER_S else f"silent for {seconds:.0f} s"
        table.add_row(feed.feed, Text(word, style="green" if seconds < SILENT_AFTER_S else "red"))
    if not seen.feeds:
        table.add_row(Text("no watcher yet", style="dim"), "")
    return table


def _turns(seen: Glance) -> Table:
    table = _plain("Latest turns of the dials", "", "", "")
    for turn in seen.turns:
        by = literal(f"{turn['action']} by {turn['by']}")
        table.add_row(f"{turn['at']:%H:%M:%S}", by, literal(turn["reason"][:50]))
    if not seen.turns:
        table.add_row(Text("none", style="dim"), "", "")
    return table


def _positions(seen: Glance) -> Table:
    table = Table(
        box=None, pad_edge=False, title="Positions", title_justify="left", title_style="bold", expand=True
    )
    table.add_column("market", ratio=1, no_wrap=True)
    for name in ("outcome", "whale", "state"):
        table.add_column(name, no_wrap=True, max_width=16)
    for name in ("shares", "paid", "now", "stop", "to stop", "target", "to target", "P&L"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in seen.positions[:ROWS_MAX]:
        pnl = row.books.realised_pnl + (row.unrealised_pnl or 0)
        table.add_row(
            literal(row.question),
            literal(row.outcome),
            f"{row.whale[:8]}{'*' if row.unproven else ''}",
            Text(row.state.value, style="red" if row.attention else ""),
            f"{row.books.shares:.2f}",
            _price(row.books.average_price),
            _price(row.mark_price),
            _price(row.stop_price),
            _share(distance(row.mark_price, row.stop_price)),
            _price(row.target_price),
            _share(distance(row.mark_price, row.target_price)),
            Text(f"{pnl:+.2f}", style="green" if pnl >= 0 else "red"),
        )
    if len(seen.positions) > ROWS_MAX:
        table.add_row(f"and {len(seen.positions) - ROWS_MAX} more: remora positions")
    return table


def _price(value: Decimal | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _share(value: Decimal | None) -> str:
    return "" if value is None else f"{value:+.1%}"


def _decisions(seen: Glance) -> Table:
    table = Table(
        box=None, pad_edge=False, title="Latest decisions", title_justify="left", title_style="bold", expand=True
    )
    for name in ("at", "whale", "trade"):
        table.add_column(name, no_wrap=True)
    table.add_column("market", ratio=1, no_wrap=True)
    table.add_column("decision", no_wrap=True)
    for row in seen.decisions:
        told = row["outcome"] if row["reason"] is None else f"{row['outcome']}: {row['reason']}"
        table.add_row(
            f"{row['decided_at']:%H:%M:%S}",
            row["whale"][:8],
            f"{row['side']} {row['trade_size']:.0f} at {row['trade_price']:.3f}",
            literal(row["question"]),
            Text(told, style=OUTCOMES.get(row["outcome"], "")),
        )
    return table


def as_dict(seen: Glance) -> dict[str, Any]:
    """Return the same as JSON values."""
    now = seen.measures
    return {
        "at": seen.at.isoformat(),
        "desk": desk_dict(seen),
        "equity": now.equity,
        "day_pnl": now.day_pnl,
        "realised_pnl": now.realised,
        "unrealised_pnl": now.unrealised,
        "cash": now.cash,
        "reserved": now.reserved,
        "drawdown": now.drawdown,
        "limits_used": {name: round(used, 4) for name, used in sorted(seen.limits.items())},
        "feeds": [_feed(feed, seen.at) for feed in seen.feeds],
        "positions": [
            {
                **positions.as_dict(row),
                "to_stop": distance(row.mark_price, row.stop_price),
                "to_target": distance(row.mark_price, row.target_price),
            }
            for row in seen.positions
        ],
        "decisions": seen.decisions,
        "turns": seen.turns,
    }


def desk_dict(seen: Glance) -> dict[str, Any]:
    """Return the desk's dials as JSON values."""
    desk = seen.desk
    return {
        "account": desk.account,
        "venue_mode": desk.venue_mode,
        "mode": desk.mode.value,
        "scale": desk.scale,
        "changed_at": desk.changed_at,
        "changed_by": desk.changed_by,
        "reason": desk.reason,
        "day": desk.day,
        "day_start_equity": desk.day_start_equity,
        "high_water_mark": desk.high_water_mark,
    }


def _feed(feed: FeedHealth, now: datetime) -> dict[str, Any]:
    seconds = feed.silence(now).total_seconds()
    return {"feed": feed.feed, "silent_s": round(seconds, 1), "ok": seconds < SILENT_AFTER_S}
