"""A dashboard as a picture: its own panels in their places, drawn from what Prometheus answered to their queries.

Grafana draws the same numbers with more grace; this needs no Grafana.
"""

import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COLUMNS: Final = 24
"""Width of Grafana's grid."""

PALETTE: Final = 64
INCHES_A_COLUMN, INCHES_A_ROW, DOTS_AN_INCH = 0.5, 0.26, 72
LINES_MAX: Final = 9
"""Series with a name in a legend; the rest are drawn without one."""

NAMES, NUMBERS, RIGHT = 2.6, 0.9, 0.3
"""Columns kept free beside an axis for what is written there."""

UNITS: Final = {
    "percentunit": (100.0, " %"),
    "currencyUSD": (1.0, " $"),
    "s": (1.0, " s"),
    "bytes": (2.0**-20, " MiB"),
}


@dataclass(frozen=True, slots=True)
class Series:
    """One answer to a query: its name in the legend, Unix times and values."""

    name: str
    times: tuple[float, ...]
    values: tuple[float, ...]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return a series' name as Grafana would: the legend with its labels filled in."""
    if legend and legend != "__auto":
        return re.sub(r"{{\s*(\w+)\s*}}", lambda found: short(labels.get(found[1], "")), legend).strip()
    return " ".join(short(value) for name, value in labels.items() if name not in ("__name__", "account"))


def short(word: str) -> str:
    """Return an address without its middle."""
    return f"{word[:6]}…{word[-4:]}" if re.fullmatch(r"0x[0-9a-f]{40}", word) else word


def draw(dashboard: Mapping[str, Any], found: Sequence[Sequence[Series]], target: Path) -> None:
    """Write a dashboard as PNG; `found` holds each panel's series in the order of its panels."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from PIL import Image

    panels = dashboard["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    width, height = COLUMNS * INCHES_A_COLUMN, rows * INCHES_A_ROW
    with mpl.rc_context({"font.size": 6.5, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(width, height), dpi=DOTS_AN_INCH)
        for panel, series in zip(panels, found, strict=True):
            place = panel["gridPos"]
            left = NAMES if panel["type"] in ("bargauge", "heatmap") else NUMBERS
            inner = (
                (place["x"] + left) / COLUMNS,
                1 - (place["y"] + place["h"] - 0.9) / rows,
                (place["w"] - left - RIGHT) / COLUMNS,
                (place["h"] - 2.1) / rows,
            )
            axes = figure.add_axes(inner)
            axes.set_title(panel["title"], fontsize=7.5, fontweight="bold", loc="left")
            DRAWN[panel["type"]](axes, series, panel)
        drawn = io.BytesIO()
        figure.savefig(drawn)
    # a picture of lines and words needs few colours
    Image.open(drawn).convert("RGB").quantize(PALETTE).save(target, optimize=True)


def _scaled(panel: Mapping[str, Any]) -> tuple[float, str]:
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "")
    return UNITS.get(unit, (1.0, ""))


def _lines(axes: Any, series: Sequence[Series], panel: Mapping[str, Any]) -> None:
    factor, unit = _scaled(panel)
    for number, one in enumerate(series):
        label = one.name if number < LINES_MAX else None
        axes.plot(_minutes(one, series), [factor * value for value in one.values], linewidth=1, label=label)
    axes.set_xlabel("minutes", labelpad=0)
    axes.set_ylabel(unit.strip())
    axes.grid(visible=True, linewidth=0.3)
    if any(one.name for one in series):
        axes.legend(loc="upper left", fontsize=5.5, frameon=False, ncols=2)


def _minutes(one: Series, series: Sequence[Series]) -> list[float]:
    first = min(other.times[0] for other in series if other.times)
    return [(at - first) / 60 for at in one.times]


def _number(axes: Any, series: Sequence[Series], panel: Mapping[str, Any]) -> None:
    factor, unit = _scaled(panel)
    said = f"{factor * series[0].values[-1]:,.7g}{unit}" if series else "no data"
    axes.axis("off")
    axes.text(0.5, 0.4, said, ha="center", va="center", fontsize=15)


def _bars(axes: Any, series: Sequence[Series], panel: Mapping[str, Any]) -> None:
    factor, unit = _scaled(panel)
    shown = [one for one in series if one.values][: 2 * LINES_MAX]
    axes.barh([one.name for one in shown], [factor * one.values[-1] for one in shown], height=0.6)
    axes.invert_yaxis()
    axes.set_xlabel(unit.strip(), labelpad=0)


def _heat(axes: Any, series: Sequence[Series], panel: Mapping[str, Any]) -> None:
    """Colour each series over time; buckets of a histogram are cumulative, and each shows its own part."""
    shown = sorted(series, key=_edge) if all(_edge(one) for one in series) else list(series)
    ticks = sorted({at for one in shown for at in one.times})
    known = [dict(zip(one.times, one.values, strict=True)) for one in shown]
    rows = [[at_one.get(at, 0.0) for at in ticks] for at_one in known]
    if panel["targets"][0].get("format") == "heatmap":
        steps = [[b - a for a, b in zip(*pair, strict=True)] for pair in itertools.pairwise(rows)]
        rows = [rows[0], *steps]
    axes.imshow(rows, aspect="auto", origin="lower", cmap="viridis", interpolation="nearest")
    axes.set_yticks(range(len(shown)), [one.name for one in shown], fontsize=4.5)
    axes.set_xlabel(f"{(ticks[-1] - ticks[0]) / 60:.1f} minutes" if ticks else "", labelpad=0)


def _edge(one: Series) -> float:
    try:
        return float(one.name)
    except ValueError:
        return 0.0


def _table(axes: Any, series: Sequence[Series], panel: Mapping[str, Any]) -> None:
    factor, unit = _scaled(panel)
    said = [f"{one.name:<16} {factor * one.values[-1]:>10,.2f}{unit}" for one in series[: 2 * LINES_MAX]]
    axes.axis("off")
    axes.text(0, 1, "\n".join(said), va="top", family="monospace")


DRAWN: Final = {"timeseries": _lines, "stat": _number, "bargauge": _bars, "heatmap": _heat, "table": _table}
