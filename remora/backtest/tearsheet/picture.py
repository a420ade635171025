"""The tearsheet as one PNG, for a message or a wiki."""

from pathlib import Path
from typing import Any

import numpy as np

from remora.backtest.tearsheet.words import day, number, percent, plain_dollars, signed_percent

INK, MUTED, ACCENT, GOOD, BAD = "#1c1d1f", "#66686d", "#2257c5", "#1d7a46", "#b23327"
CONTROLS = ("#a15c00", "#8a3fa0", "#5f6b75")


def save_picture(report: dict[str, Any], path: Path) -> None:
    """Draw verdict, equity with controls, drawdown and simulated Sharpe ratios into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), dpi=120, facecolor="white")
    edges = {"left": 0.08, "right": 0.97, "top": 0.82, "bottom": 0.07}
    grid = figure.add_gridspec(3, 2, height_ratios=(3.2, 1.2, 2.2), hspace=0.35, **edges)
    _head(figure, report)
    _equity(figure.add_subplot(grid[0, :]), report)
    _underwater(figure.add_subplot(grid[1, :]), report)
    _sharpes(figure.add_subplot(grid[2, 0]), report["simulations"])
    _questions(figure.add_subplot(grid[2, 1]), report["verdict"])
    figure.savefig(path, format="png")


def _head(figure: Any, report: dict[str, Any]) -> None:
    found, answer = report["performance"], report["verdict"]["answer"]
    tone = GOOD if answer == "yes" else BAD
    figure.text(0.03, 0.955, "Would a careful person run this?", color=MUTED, fontsize=11)
    figure.text(0.03, 0.905, f"{answer.capitalize()}.", color=tone, fontsize=25, weight="bold")
    parts = (
        report["data"]["name"],
        signed_percent(found["total_return"]),
        f"Sharpe {number(found['sharpe_annual'])}",
        f"deflated {number(report['deflated']['dsr'], 3)}",
        f"deepest fall {percent(found['drawdown'])}",
    )
    line = " · ".join(parts)
    figure.text(0.03, 0.872, line, color=INK, fontsize=10.5)


def _plain(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    axes.grid(visible=True, axis="y", color="#e3e1db", linewidth=0.8)
    axes.tick_params(colors=MUTED, labelsize=8.5, length=0)
    for name in ("top", "right", "left", "bottom"):
        axes.spines[name].set_visible(False)


def _dates(axes: Any, curves: dict[str, Any]) -> None:
    places = np.linspace(0, max(1, len(curves["equity"]) - 1), 6).round()
    axes.set_xticks(places, [day(curves["start_day"] + place) for place in places])


def _equity(axes: Any, report: dict[str, Any]) -> None:
    curves = report["curves"]
    for colour, (name, path) in zip(CONTROLS, curves["controls"].items(), strict=False):
        axes.plot(path, color=colour, linewidth=1.2, linestyle="--", label=name)
    axes.plot(curves["equity"], color=ACCENT, linewidth=2, label="this configuration")
    axes.yaxis.set_major_formatter(lambda value, _place: plain_dollars(value))
    _plain(axes, "Equity, beside the controls")
    _dates(axes, curves)
    axes.legend(frameon=False, fontsize=8.5, loc="best")


def _underwater(axes: Any, report: dict[str, Any]) -> None:
    path = np.array(report["curves"]["underwater"])
    axes.fill_between(np.arange(path.size), path, 0, color=BAD, alpha=0.25, linewidth=0)
    axes.plot(path, color=BAD, linewidth=1)
    axes.yaxis.set_major_formatter(lambda value, _place: percent(value, 0))
    _plain(axes, "Below the peak")
    _dates(axes, report["curves"])


def _sharpes(axes: Any, found: dict[str, Any]) -> None:
    edges, counts = found["histogram"]["edges"], found["histogram"]["counts"]
    _plain(axes, f"Sharpe ratios of {found['simulations']} simulations, annual")
    if not edges:
        axes.text(0.5, 0.5, "not enough variation", ha="center", color=MUTED, transform=axes.transAxes)
        return
    colours = [BAD if right <= 0 else GOOD for right in edges[1:]]
    axes.bar(edges[:-1], counts, width=np.diff(edges) * 0.88, align="edge", color=colours)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=":")
    axes.set_yticks([])


def _questions(axes: Any, verdict: dict[str, Any]) -> None:
    axes.axis("off")
    for place, question in enumerate(verdict["questions"]):
        mark, tone = {True: ("+", GOOD), False: ("x", BAD), None: ("?", MUTED)}[question["passed"]]
        height = 0.97 - place * 0.1
        axes.text(0.02, height, mark, color=tone, fontsize=11, weight="bold", transform=axes.transAxes, va="top")
        axes.text(0.07, height, question["name"], color=INK, fontsize=9.5, transform=axes.transAxes, va="top")
