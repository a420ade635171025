"""The tearsheet's pictures, each drawn from one section of a report."""

from collections.abc import Sequence
from typing import Any

from remora.backtest.tearsheet.drawing import Plot
from remora.backtest.tearsheet.words import day, dollars, number, percent, plain, plain_dollars, signed_percent

NARROW, WIDE = 360.0, 1040.0
POINTS_MAX = 700
CONTROL_KINDS = ("c1", "c2", "c3")


def _both(draw: Any) -> str:
    """Return the same picture for a phone and for a desk; the page shows one of them."""
    return f"{draw(NARROW).svg('narrow')}{draw(WIDE).svg('wide')}"


def _thinned(values: Sequence[float]) -> tuple[list[float], list[float]]:
    step = max(1, len(values) // POINTS_MAX)
    places = [*range(0, len(values), step)]
    if places and places[-1] != len(values) - 1:
        places.append(len(values) - 1)
    return [float(place) for place in places], [float(values[place]) for place in places]


def _dates(plot: Plot, curves: dict[str, Any]) -> None:
    days = len(curves["equity"])
    count = 3 if plot.width < 500 else 6
    places = sorted({round(i * (days - 1) / max(1, count - 1)) for i in range(count)})
    plot.x_labels([(float(place), day(curves["start_day"] + place)) for place in places])


def equity(curves: dict[str, Any], capital: float) -> str:
    """Draw equity and what the controls would have had."""
    every = [curves["equity"], *curves["controls"].values(), [capital]]
    low, high = min(map(min, every)), max(map(max, every))
    room = max((high - low) * 0.06, capital * 0.002)

    def draw(width: float) -> Plot:
        height = 220.0 if width == NARROW else 300.0
        span = (0.0, max(1.0, len(curves["equity"]) - 1.0))
        plot = Plot(width=width, height=height, x_range=span, y_range=(low - room, high + room))
        plot.label = f"Equity over time, from {plain_dollars(capital)} to {plain_dollars(curves['equity'][-1])}"
        plot.y_axis(plain_dollars)
        for kind, (name, path) in zip(CONTROL_KINDS, curves["controls"].items(), strict=False):
            plot.line(*_thinned(path), kind, f"{name}: {plain_dollars(path[-1])}")
        xs, ys = _thinned(curves["equity"])
        plot.area(xs, ys, capital, "own")
        plot.line(xs, ys, "own", f"this configuration: {plain_dollars(ys[-1])}")
        _dates(plot, curves)
        return plot

    return _both(draw)


def key(names: Sequence[tuple[str, str]]) -> str:
    """Return the legend of a picture: line styles as drawn, and what they are."""
    samples = [
        f'<span><svg viewBox="0 0 26 10" aria-hidden="true">'
        f'<line class="line {kind}" x1="0" x2="26" y1="5" y2="5"/></svg>{name}</span>'
        for kind, name in names
    ]
    return f'<div class="key">{"".join(samples)}</div>'


def underwater(curves: dict[str, Any]) -> str:
    """Draw how far equity lay below its peak."""
    low = min(-0.01, min(curves["underwater"], default=0.0)) * 1.08

    def draw(width: float) -> Plot:
        height = 130.0 if width == NARROW else 150.0
        span = (0.0, max(1.0, len(curves["underwater"]) - 1.0))
        plot = Plot(width=width, height=height, x_range=span, y_range=(low, 0.0))
        plot.label = f"Distance from the peak, at worst {percent(low / 1.08)}"
        plot.y_axis(lambda value: percent(value, 0 if low < -0.03 else 1), 3)
        xs, ys = _thinned(curves["underwater"])
        plot.area(xs, ys, 0.0, "under")
        plot.line(xs, ys, "under")
        _dates(plot, curves)
        return plot

    return _both(draw)


def histogram(found: dict[str, Any]) -> str:
    """Draw the distribution of annual Sharpe ratios over simulations."""
    edges, counts = found["histogram"]["edges"], found["histogram"]["counts"]
    if not edges:
        return "<p>The simulations do not vary enough for a picture.</p>"
    low, high = min(edges[0], -0.2), max(edges[-1], 0.2)
    plot = Plot(width=NARROW, height=190, x_range=(low, high), y_range=(0, max(counts) * 1.15), left=10)
    plot.label = f"Sharpe ratios of {found['simulations']} simulations, median {number(found['sharpe']['p50'])}"
    for left, right, tall in zip(edges, edges[1:], counts, strict=False):
        title = f"{left:.2f} to {right:.2f}: {tall:.0f} simulations"
        plot.bar(left, right - (right - left) * 0.12, 0, tall, "bad" if right <= 0 else "good", title)
    plot.mark(0.0, "", "zero")
    plot.mark(found["sharpe"]["p50"], f"median {number(found['sharpe']['p50'])}", "middle")
    step = (high - low) / 4
    plot.x_labels([(low + step * i, number(low + step * i, 1)) for i in range(5)])
    return plot.svg()


def bars(rows: Sequence[tuple[str, float, str]], label: str) -> str:
    """Draw dollars by name as bars from zero, the name above each, the number behind it."""
    if not rows:
        return "<p>Nothing to show.</p>"
    most = max(abs(value) for _, value, _ in rows) or 1.0
    low = min(0.0, *(value for _, value, _ in rows))
    high = max(0.0, *(value for _, value, _ in rows))
    pad = most * 0.02
    height = 34.0 * len(rows) + 6
    plot = Plot(
        width=NARROW,
        height=height,
        x_range=(low - pad, high + pad),
        y_range=(0, len(rows)),
        left=2,
        right=2,
        top=0,
        bottom=2,
        label=label,
    )
    for place, (name, value, note) in enumerate(rows):
        top = len(rows) - place
        plot.bar(0, value, top - 0.52, top - 0.90, "good" if value >= 0 else "bad", f"{name}: {dollars(value)}")
        plot.text(3, plot.y(top - 0.38), name, "start", "name")
        plot.text(NARROW - 3, plot.y(top - 0.38), f"{dollars(value)}{note}", "end")
    return plot.svg()


def made_of(found: dict[str, float]) -> str:
    """Draw what the profit is made of."""
    names = {
        "selection": "whom and what we copied, equal stakes",
        "sizing": "how much we put on each",
        "price": "our prices against the whales'",
        "fees": "fees",
    }
    return bars([(names[name], value, "") for name, value in found.items()], "What the profit is made of")


def exits(rows: Sequence[dict[str, Any]]) -> str:
    """Draw dollars by the reason positions were left for."""
    lines = [(plain(row["reason"]), row["pnl"], f" · {row['positions']}") for row in rows]
    return bars(lines, "Profit by exit reason, with the number of positions")


def variants(rows: Sequence[dict[str, Any]], label: str) -> str:
    """Draw dollars by assumption."""
    if not rows:
        return "<p>Not tried.</p>"
    lines = [(row["name"], row["pnl"], f" · {row['positions']:.0f} positions") for row in rows]
    return bars(lines, label)


def calibration(found: dict[str, Any]) -> str:
    """Draw what was forecast against what happened, larger where there are more positions."""
    plot = Plot(width=NARROW, height=230, x_range=(0, 1), y_range=(0, 1), left=38)
    plot.label = "Forecast chance against what happened"
    plot.y_axis(lambda value: percent(value, 0), 4)
    plot.line([0, 1], [0, 1], "c3", "perfect")
    most = max((cell["positions"] for cell in found["bins"]), default=1)
    for cell in found["bins"]:
        radius = 4 + 9 * (cell["positions"] / most) ** 0.5
        title = f"forecast {percent(cell['forecast'])}, happened {percent(cell['happened'])}"
        plot.parts.append(
            f'<circle class="bar" opacity=".8" cx="{plot.x(cell["forecast"]):.1f}" '
            f'cy="{plot.y(cell["happened"]):.1f}" r="{radius:.1f}"><title>{title}</title></circle>'
        )
    plot.x_labels([(share, percent(share, 0)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)])
    return plot.svg()


def months(rows: Sequence[dict[str, Any]]) -> str:
    """Return a cell for each month, tinted by its return."""
    most = max((abs(row["return"]) for row in rows), default=0.0) or 1.0
    cells = []
    for row in rows:
        share = min(1.0, abs(row["return"]) / most) * 42
        tone = "var(--good)" if row["return"] >= 0 else "var(--bad)"
        tint = f"background:color-mix(in srgb,{tone} {share:.0f}%,var(--card))"
        cells.append(f'<div style="{tint}">{row["month"]}<b>{signed_percent(row["return"])}</b></div>')
    return f'<div class="months">{"".join(cells)}</div>'
