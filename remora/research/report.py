"""One self-contained HTML file about a selection: intervals, funnel, calibration, controls, what came later."""

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from remora.research.discovery import Discovery, ranking
from remora.research.drawing import bars, diagonal, intervals
from remora.research.learning import Verdict
from remora.statistics.scoring_table import known_payouts

SHOWN = 30
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
svg { width: 100%; height: auto; font-size: 12px; fill: currentColor; }
svg rect, svg circle { fill: #2f6fab; } svg .frame { fill: none; stroke: #8888; }
svg .axis { stroke: #8888; } svg .span { stroke: #2f6fab; stroke-width: 2; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
td, th { padding: .2rem .5rem; text-align: right; }
td:first-child, th:first-child, td.text { text-align: left; } tr:nth-child(even) { background: #8881; }
.wide { overflow-x: auto; } td.text { min-width: 16rem; }
.warn { border-left: 4px solid #b3541e; padding-left: .8rem; }
"""


def selection_report(
    discovery: Discovery,
    later: Mapping[str, Any],
    learned: Verdict | None = None,
    oddities: Mapping[str, int] | None = None,
) -> str:
    """Return the report; `later` holds the groups and purchases after the date as `discover` shows them.

    `learned` is the verdict on the learned model, None if nobody asked for it. `oddities` counts what the store
    left out or noted, by name.
    """
    result = discovery.result
    ranked = ranking(discovery)
    chosen = len(result.roster)
    waived = (
        '<p class="warn">Histories were assumed complete: this is a question to the data, not a roster.</p>'
        if discovery.assumed_complete
        else ""
    )
    parts = [
        f"<h1>Whales as of {escape(f'{result.as_of:%Y-%m-%d %H:%M}')} UTC</h1>",
        (
            f"<p id='verdict'>{chosen} of {discovery.wallets} wallets qualify. "
            f"{discovery.not_seen_yet} more in the store were not seen by then.</p>"
        ),
        waived,
        f"<p>{escape(result.notice)}</p>" if result.notice else "",
        _section("funnel", "Where every wallet left", bars(_funnel(discovery))),
        _section("intervals", "Follow edge of those that got furthest, with 95 % intervals", _edge_plot(ranked)),
        _section("ranking", "Ranking", _ranking(ranked)),
        _section(
            "calibration",
            "Prices paid and how often they won, all purchases",
            diagonal(calibration(discovery), across="price paid", up="share won"),
        ),
        _section(
            "controls",
            "Chosen by the same rules where there is no skill",
            bars(
                [("selected here", float(chosen)), *((name, float(n)) for name, n in discovery.controls.items())]
            ),
        ),
        _section("later", "Edge of what was bought after the date, dollars per share", _later(later)),
        _section("learned", "The learned model", _learned(learned)),
        _section(
            "data", "What was left out of the data, and what is odd about the rest", _data(discovery, oddities)
        ),
        _section("parameters", "Parameters", _parameters(result.params.recorded())),
    ]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Whales</title>"
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def calibration(discovery: Discovery) -> list[tuple[float, float, float]]:
    """Return mean price, share won and number of the purchases in each tenth of price."""
    payouts = known_payouts(discovery.evidence.resolutions, as_of=discovery.result.as_of)
    trades = discovery.evidence.trades
    bought = trades[(trades["side"] == "BUY") & trades["condition_id"].isin(payouts)]
    if bought.empty:
        return []
    paid = [
        payouts[market][int(outcome)]
        for market, outcome in zip(bought["condition_id"], bought["outcome_index"], strict=True)
    ]
    table = pd.DataFrame({"price": bought["price"].to_numpy(), "paid": np.array(paid, dtype=float)})
    means = table.groupby((table["price"] * 10).astype(int)).agg(
        price=("price", "mean"), paid=("paid", "mean"), count=("paid", "size")
    )
    return [(float(price), float(won), float(count)) for price, won, count in means.to_numpy()]


def _funnel(discovery: Discovery) -> list[tuple[str, float]]:
    rows: list[tuple[str, float]] = []
    for gate, count in discovery.result.funnel.items():
        rows.append(("entered the roster" if gate == "roster" else gate, float(count)))
        if gate == "not_copyable":
            rows += [(f"of these {screen}", float(part)) for screen, part in discovery.screens.items()]
    return rows


def _edge_plot(ranked: list[dict[str, Any]]) -> str:
    rows = []
    for row in [row for row in ranked if row["raw_edge"] is not None][:SHOWN]:
        edge, error = row["raw_edge"], row["edge_error"]
        half = None if error is None else 1.96 * error
        mark = "★ " if row["rank"] else ""
        label = f"{mark}{row['wallet'][:10]}… ({row['closed_events']} events)"
        rows.append((label, edge, None if half is None else edge - half, None if half is None else edge + half))
    return intervals(rows, unit="$ a share")


def _ranking(ranked: list[dict[str, Any]]) -> str:
    columns = ("closed_events", "wins", "raw_edge", "edge", "q", "sharpe_shrunk", "win_rate", "score", "score_low")
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in columns)
    lines = [
        f"<tr><td>{escape(row['wallet'])}</td>{''.join(f'<td>{_cell(row[name])}</td>' for name in columns)}"
        f"<td class='text'>{escape(row['gate'] or 'roster')}: {escape(row['why'])}</td></tr>"
        for row in ranked[:SHOWN]
    ]
    return f"<div class='wide'><table><tr><th>wallet</th>{head}<th>why</th></tr>{''.join(lines)}</table></div>"


def _later(later: Mapping[str, Any]) -> str:
    groups = later.get("groups", [])
    drawn = intervals(
        [
            (
                f"{group['group']} ({group['positions']} in {group['events']})",
                group["edge"],
                group["low"],
                group["high"],
            )
            for group in groups
        ],
        unit="$ a share",
    )
    counts = "".join(
        f"<li>{escape(name.replace('_', ' '))}: {count}</li>" for name, count in later.get("purchases", {}).items()
    )
    return f"{drawn}<ul>{counts}</ul>"


def _data(discovery: Discovery, oddities: Mapping[str, int] | None) -> str:
    counts = {f"trades not used here: {reason}": count for reason, count in discovery.left_out.items()}
    counts |= oddities or {}
    found = {name: count for name, count in counts.items() if count}
    return _parameters(found) if found else "<p>Nothing.</p>"


def _learned(verdict: Verdict | None) -> str:
    if verdict is None:
        return "<p>Nobody asked for it.</p>"
    facts = {name: value for name, value in asdict(verdict).items() if name not in ("use", "why")}
    return f"<p>{escape(verdict.told.capitalize())}.</p>{_parameters(facts)}"


def _parameters(params: Mapping[str, Any]) -> str:
    return (
        "<table>"
        + "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in params.items()
        )
        + "</table>"
    )


def _section(name: str, title: str, body: str) -> str:
    return f"<section id='{name}'><h2>{escape(title)}</h2>{body}</section>"


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4g}"
