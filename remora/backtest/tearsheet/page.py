"""One self-contained page: the verdict first, then everything it rests on. No script, no network."""

from collections.abc import Sequence
from html import escape
from typing import Any

from remora.backtest.tearsheet import charts
from remora.backtest.tearsheet.sections import caveats, controls, funnel, groups, parameters, tiles, whales
from remora.backtest.tearsheet.style import CSS

ASK = "Would a careful person run this?"
MARKS = {True: ("✓", "ok"), False: ("✕", "fail"), None: ("?", "open")}


def tearsheet(report: dict[str, Any], *, title: str = "Backtest") -> str:
    """Return the page of a report."""
    data, period = report["data"], report["spec"]
    head = f"{title}: {data['name']}"
    scope = f"{data['trades_in_window']:,} trades · {data['markets']:,} markets"
    when = f"{escape(period['start'][:10])} to {escape(period['end'][:10])}"
    body = [f"<header><h1>{escape(head)}</h1><p>{when} · {scope}</p></header>", _verdict(report["verdict"])]
    body.append(tiles(report))
    body.append(f'<div class="cards">{"".join(_wide(report))}</div>')
    body.append(f'<div class="pile">{"".join(_cards(report))}</div>')
    body.append(card("Every parameter", "", parameters(report)))
    body.append(
        f"<footer>Written by <code>remora</code>. Trial <code>{escape(report['key'])}</code> on data "
        f"<code>{escape(data['fingerprint'])}</code>. For your own account only; no advice.</footer>"
    )
    return document(head, "".join(body))


def document(title: str, body: str) -> str:
    """Return a whole page around a body."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def _verdict(found: dict[str, Any]) -> str:
    kind = found["answer"].split()[0]
    rows = []
    for question in found["questions"]:
        mark, tone = MARKS[question["passed"]]
        rows.append(
            f'<li><i class="{tone}">{mark}</i><b>{escape(question["name"])}</b>'
            f"<span>{escape(question['answer'])}</span></li>"
        )
    asked = f'<ul class="questions">{"".join(rows)}</ul>' if rows else ""
    return (
        f'<section class="verdict {kind}"><p class="ask">{ASK}</p>'
        f'<p class="answer">{escape(found["answer"].capitalize())}.</p>'
        f'<p class="why">{escape(found["sentence"])}</p>{asked}</section>'
    )


def card(title: str, text: str, inside: str) -> str:
    """Return one section with its heading and what it means in a sentence."""
    note = f"<p>{escape(text)}</p>" if text else ""
    return f'<section class="card"><h2>{escape(title)}</h2>{note}{inside}</section>'


def _wide(report: dict[str, Any]) -> Sequence[str]:
    """Return what belongs over the whole width: everything along time."""
    curves = report["curves"]
    names = [("own", "this configuration")]
    names += list(zip(charts.CONTROL_KINDS, curves["controls"], strict=False))
    note = (
        "Marked to the bid at the end of each day. Controls: as many wallets drawn at random, the opposite side, "
        "the same signals later."
    )
    equity = charts.equity(curves, report["money"]["capital"]) + charts.key(names)
    return [
        card("Equity, beside the controls", note, equity),
        card("Below the peak", "How far equity lay under its highest point.", charts.underwater(curves)),
        card("Months", "Return on the equity at the month's beginning.", charts.months(report["monthly"])),
    ]


def _cards(report: dict[str, Any]) -> Sequence[str]:
    simulated, scored = report["simulations"], report["calibration"]
    drawn = (
        f"{simulated['simulations']:,} simulations, annual: {simulated['unit']}s drawn again from "
        f"{simulated['units']}, latencies and fills in {simulated['replays']:,} replays."
    )
    later = "How much of what others traded later would have been ours."
    delay = "Total latency from the whale's fill to the exchange."
    cards = [
        card("Sharpe ratios of other histories", drawn, charts.histogram(simulated)),
        card(
            "What made the profit",
            "The parts sum to the result.",
            charts.made_of(report["attribution"]["made_of"]),
        ),
        card("Negative controls", "A machine that earns here too has no edge.", controls(report)),
        card("By whale", "", whales(report["attribution"])),
        card("Why positions were left", "Dollars, and the number of positions.", charts.exits(report["exits"])),
        card("By category and price", "", groups(report["attribution"])),
        card(
            "What a slower copier would have had", delay, charts.variants(report["latencies"], "Profit by latency")
        ),
        card("What other fills would have given", later, charts.variants(report["fills"], "Profit by fills")),
        card("From signal to position", "", funnel(report)),
    ]
    if scored["positions"]:
        words = f"{scored['positions']} resolved positions. Brier score {scored['brier']:.4f}; "
        words += f"of the prices paid {scored['brier_of_price']:.4f}."
        cards.append(card("Forecasts against outcomes", words, charts.calibration(scored)))
    cards.append(card("What the data lacks", "", caveats(report)))
    return cards
