"""Backtest, paper and live of one period on one page: what each came to, and which causes make the difference."""

from collections.abc import Sequence
from html import escape
from typing import Any

from remora.backtest.tearsheet.page import card, document
from remora.backtest.tearsheet.sections import gain, table
from remora.backtest.tearsheet.words import count, number, percent, plain, signed_percent

CAUSES = {
    "selection": "other positions, or other ways out of them",
    "sizing": "other stakes",
    "price": "worse or better prices than the whales'",
    "fees": "fees",
}


def gaps(reports: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return, for each report after the first, its profit less the first one's, split by cause.

    The parts of each profit sum to it (see attribution), so the causes sum to the gap.
    """
    _, first = reports[0]
    base = first["attribution"]["made_of"]
    rows = []
    for name, report in reports[1:]:
        parts = report["attribution"]["made_of"]
        rows.append(
            {
                "name": name,
                "gap": sum(parts.values()) - sum(base.values()),
                "causes": {cause: parts[cause] - base[cause] for cause in CAUSES},
                "decisions": _decisions(first["funnel"], report["funnel"]),
            }
        )
    return rows


def _decisions(one: dict[str, Any], other: dict[str, Any]) -> dict[str, int]:
    """Return how many more signals were decided each way in the second report."""
    every = sorted({*one["refused"], *other["refused"]})
    changes = {reason: other["refused"].get(reason, 0) - one["refused"].get(reason, 0) for reason in every}
    changes["copied"] = other["orders"] - one["orders"]
    return {reason: change for reason, change in changes.items() if change}


def odd_periods(reports: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Say which reports are not of the first one's days: their gaps hold what only one of them saw."""
    days = {name: (report["spec"]["start"][:10], report["spec"]["end"][:10]) for name, report in reports}
    odd = [name for name in days if days[name] != days[reports[0][0]]]
    if not odd:
        return ""
    return (
        f"Mind: {', '.join(odd)} {'is' if len(odd) == 1 else 'are'} not of the same days as {reports[0][0]}; "
        "what only one of them saw is in the gaps too. Give the backtest the others' dates."
    )


def triangulation(reports: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return the page that holds reports of one period against each other; the first is the yardstick."""
    names = [name for name, _ in reports]
    rows = [
        ["from", *(r["spec"]["start"][:10] for _, r in reports)],
        ["until", *(r["spec"]["end"][:10] for _, r in reports)],
        ["signals", *(count(r["funnel"]["signals"]) for _, r in reports)],
        ["orders", *(count(r["funnel"]["orders"]) for _, r in reports)],
        ["positions filled", *(count(r["funnel"]["filled"]) for _, r in reports)],
        ["bought", *(f"${count(r['money']['bought'])}" for _, r in reports)],
        ["fees", *(f"${r['money']['fees']:,.2f}" for _, r in reports)],
        ["profit", *(gain(r["performance"]["pnl"]) for _, r in reports)],
        ["return", *(signed_percent(r["performance"]["total_return"]) for _, r in reports)],
        ["Sharpe ratio, annual", *(number(r["performance"]["sharpe_annual"]) for _, r in reports)],
        ["deepest fall", *(percent(r["performance"]["drawdown"]) for _, r in reports)],
    ]
    side_by_side = f'<div class="compare">{table(["", *names], rows)}</div>'
    body = [
        f"<header><h1>One period, {len(reports)} ways</h1><p>The yardstick is {escape(names[0])}.</p></header>",
        f'<div class="cards">{card("Side by side", odd_periods(reports), side_by_side)}',
        *(_gap(row, names[0]) for row in gaps(reports)),
        "</div>",
    ]
    return document("One period, side by side", "".join(body))


def _gap(row: dict[str, Any], yardstick: str) -> str:
    causes = [[escape(CAUSES[cause]), gain(value)] for cause, value in row["causes"].items()]
    causes.append(["<b>together</b>", gain(row["gap"])])
    decided = [[escape(plain(reason)), f"{change:+d}"] for reason, change in row["decisions"].items()]
    inside = table(["cause", "dollars"], causes)
    if decided:
        inside += table(["decided", "more or fewer"], decided)
    return card(f"{row['name']} against {yardstick}", "The causes sum to the gap.", inside)
