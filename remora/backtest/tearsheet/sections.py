"""The tearsheet's tables."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from remora.backtest.tearsheet.words import (
    count,
    dollars,
    number,
    percent,
    plain,
    plain_dollars,
    short_wallet,
    signed_percent,
)

WHALES_SHOWN = 12


def tiles(report: dict[str, Any]) -> str:
    """Return the eight numbers that people ask for first."""
    found, simulated, money = report["performance"], report["simulations"], report["money"]
    capital = plain_dollars(money["capital"])
    low, high = simulated["sharpe"].get("p5"), simulated["sharpe"].get("p95")
    cells = [
        (
            "Return",
            signed_percent(found["total_return"]),
            f"{dollars(found['pnl'])} on {capital}",
        ),
        ("Sharpe ratio, annual", number(found["sharpe_annual"]), f"simulated {number(low)} to {number(high)}"),
        ("Deflated Sharpe ratio", number(report["deflated"]["dsr"], 3), f"{report['deflated']['trials']} tried"),
        ("Deepest fall", percent(found["drawdown"]), f"{found['drawdown_days']} days at most below a peak"),
        (
            "Chance of a loss",
            percent(simulated["chance_of_loss"], 0),
            f"{count(simulated['simulations'])} simulations",
        ),
        ("Chance of ruin", percent(simulated["chance_of_ruin"], 1), "half of the capital gone"),
        ("Positions", count(report["funnel"]["filled"]), f"of {count(report['funnel']['signals'])} signals"),
        ("Fees", plain_dollars(money["fees"]), f"on {plain_dollars(money['bought'])} bought"),
    ]
    inside = "".join(
        f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>'
        for name, value, note in cells
    )
    return f'<div class="tiles">{inside}</div>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers_from: int = 1) -> str:
    """Return a table; cells are HTML already, columns from `numbers_from` on are numbers."""
    mark = ['class="n"' if place >= numbers_from else "" for place in range(len(heads))]
    head = "".join(f"<th {kind}>{escape(name)}</th>" for kind, name in zip(mark, heads, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td {kind}>{cell}</td>' for kind, cell in zip(mark, row, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def gain(value: float) -> str:
    """Return dollars in the colour of their sign."""
    return f'<span class="{"pos" if value >= 0 else "neg"}">{dollars(value)}</span>'


def whales(found: dict[str, Any]) -> str:
    """Return profit by whale, and what is left without the best one."""
    rows = found["by_whale"]
    shown = rows if len(rows) <= WHALES_SHOWN else [*rows[: WHALES_SHOWN // 2], *rows[-WHALES_SHOWN // 2 :]]
    lines = [
        (
            f'<span class="mono" title="{escape(row["name"])}">{escape(short_wallet(row["name"]))}</span>',
            count(row["positions"]),
            percent(row["wins"], 0),
            gain(row["pnl"]),
        )
        for row in shown
    ]
    left = "" if len(rows) <= WHALES_SHOWN else f" {len(rows) - len(shown)} in between are not shown."
    without = found["concentration"]
    note = (
        f"<p>Without the best whale {dollars(without['without_best_whale'])}, without the best event "
        f"{dollars(without['without_best_event'])}.{left}</p>"
    )
    return table(("whale", "positions", "won", "profit"), lines) + note


def groups(found: dict[str, Any]) -> str:
    """Return profit by category and by the price paid."""
    heads = ("positions", "won", "profit")
    parts = []
    for name, rows in (("category", found["by_category"]), ("price paid", found["by_price"])):
        ordered = rows if name == "category" else sorted(rows, key=lambda row: str(row["name"]))
        lines = [
            (escape(row["name"]), count(row["positions"]), percent(row["wins"], 0), gain(row["pnl"]))
            for row in ordered
        ]
        parts.append(table((name, *heads), lines))
    return "".join(parts)


def controls(report: dict[str, Any]) -> str:
    """Return our line above those of the controls, with the range of their draws."""
    performance, funnel_ = report["performance"], report["funnel"]
    lines = [("<b>this configuration</b>", count(funnel_["filled"]), gain(performance["pnl"]), "")]
    lines += [
        (
            escape(row["name"]),
            count(row["positions"]),
            gain(row["pnl"]),
            f"{dollars(row['pnl_low'])} … {dollars(row['pnl_high'])}" if row["draws"] > 1 else "",
        )
        for row in report["controls"]
    ]
    return table(("", "positions", "profit", "9 of 10 draws"), lines)


def funnel(report: dict[str, Any]) -> str:
    """Return how far signals came, with a bar for each step, and the reasons of refusals."""
    found = report["funnel"]
    most = max(1, found["signals"])
    steps = [
        ("signals", found["signals"]),
        ("orders sent", found["orders"]),
        ("positions filled", found["filled"]),
        ("closed", found["closed"]),
    ]
    lines = [(f"<b>{name}</b>{_meter(value / most)}", count(value)) for name, value in steps]
    lines += [
        (f"refused: {escape(plain(reason))}{_meter(value / most)}", count(value))
        for reason, value in found["refused"].items()
    ]
    gates = _gates(report["roster"])
    return table(("step", "count"), lines) + gates


def _meter(share: float) -> str:
    return f'<span class="meter"><i style="width:{100 * min(1.0, share):.1f}%"></i></span>'


def _gates(roster: dict[str, Any]) -> str:
    editions = [edition for edition in roster["editions"] if edition["funnel"]]
    if not editions:
        return ""
    last = editions[-1]
    lines = [(escape(plain(gate)), count(value)) for gate, value in last["funnel"].items()]
    followed = sum(bool(edition["followed"]) for edition in roster["editions"])
    note = (
        f"<p>Selection {escape(roster['how'])}: {followed} of {len(roster['editions'])} editions followed "
        "somebody. Where wallets fell at the last one:</p>"
    )
    return note + table(("gate", "wallets"), lines)


SYNTHETIC = "Depth around prints is synthetic for the decision; fills are bounded by what others traded later."
"""True of a replay; an account met real books."""


def caveats(report: dict[str, Any]) -> str:
    """Return what a reader must know about the data."""
    data = report["data"]
    rejected = ", ".join(f"{count(value)} {plain(name)}" for name, value in data["rejected"].items()) or "none"
    silent = f"{data['silent_days']} of {data['days']} days without a trade; the longest silence lasted "
    results = f"{data['markets_without_result']} of {data['markets']} markets without a result "
    results += (
        f"({percent(data['capital_without_result'])} of the capital), {data['markets_without_end']} without "
    )
    results += f"an end ({percent(data['capital_on_assumed_end'])} of the capital on assumed ends)."
    gaps = f"{data['gaps']} silences of more than a day "
    gaps += f"({percent(data['capital_over_gaps'])} of the capital was held through one)."
    equal = f"{data['markets_with_equal_rows']} markets have rows that equal others in everything recorded "
    equal += f"({percent(data['capital_with_equal_rows'])} of the capital)."
    lines = [
        f"{silent}{data['longest_gap_h']:.0f} hours; {gaps}",
        f"Rows kept out: {rejected}.",
        equal,
        results,
        f"Groups of events that move together: {data['clusters']}.",
        *([] if "mode" in report["spec"] else [SYNTHETIC]),
        *report["notices"],
    ]
    return f'<ul class="plain">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def parameters(report: dict[str, Any]) -> str:
    """Return every number the result depends on, folded away."""
    groups = (("asked for", report["spec"]), ("execution", report["costs"]), ("limits", report["limits"]))
    parts = []
    for name, values in groups:
        rows = [(escape(plain(key)), _value(value)) for key, value in values.items()]
        opened = " open" if name == "execution" else ""
        inner = table(("number", "value"), rows, numbers_from=9)
        parts.append(f"<details{opened}><summary>{escape(name.capitalize())}</summary>{inner}</details>")
    return "".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "<br>".join(f'<span class="mono">{escape(str(item))}</span>' for item in value) or "none"
    if isinstance(value, dict):
        return escape(", ".join(f"{plain(str(key))} {item}" for key, item in value.items())) or "none"
    return escape(str(value))
