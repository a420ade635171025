"""Panels as the four dashboards use them, and the dashboard around them."""

import string
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, GraphDrawStyle, VizOrientation
from grafana_foundation_sdk.models.dashboard import Dashboard as Built
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    FieldColorModeId,
    Panel,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
DOLLARS, SHARE, SECONDS, COUNT = "currencyUSD", "percentunit", "s", "short"
TAG = "remora"
ROW_HEIGHT, STAT_HEIGHT, WIDTH = 8, 4, 24


@dataclass(frozen=True, slots=True)
class Query:
    """An expression in PromQL and how its series are called."""

    expression: str
    legend: str = ""


def _target(query: Query, *, instant: bool = False, ref: str = "A") -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend or "__auto").ref_id(ref)
    return target.instant() if instant else target.range()


def _steps(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    values = [Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(values)


GOOD_AT_ZERO = ((None, "green"), (0.8, "orange"), (1.0, "red"))
"""Colours of a used part of a limit."""
SIGNED = ((None, "red"), (0.0, "green"))
"""Colours of a gain or loss."""
LEAST = -1e12
"""A heat-map hides cells up to zero unless it is told another value: losses are cells too."""
NEUTRAL = ((None, "blue"),)


def graph(
    title: str, text: str, unit: str, queries: Sequence[Query], *, width: int = 12, fill: int = 0
) -> Builder[Panel]:
    """Return lines over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .datasource(SOURCE)
        .draw_style(GraphDrawStyle.LINE)
        .fill_opacity(fill)
        .line_width(1)
        .height(ROW_HEIGHT)
        .span(width)
    )
    for ref, query in zip(string.ascii_uppercase, queries, strict=False):
        panel = panel.with_target(_target(query, ref=ref))
    return panel


def number(
    title: str,
    text: str,
    unit: str,
    query: Query,
    *,
    steps: Sequence[tuple[float | None, str]] = NEUTRAL,
    width: int = 4,
) -> Builder[Panel]:
    """Return one large number with its recent course behind it."""
    return (
        stat.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .datasource(SOURCE)
        .thresholds(_steps(*steps))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(STAT_HEIGHT)
        .span(width)
        .with_target(_target(query))
    )


def bars(
    title: str,
    text: str,
    unit: str,
    query: Query,
    *,
    steps: Sequence[tuple[float | None, str]] = NEUTRAL,
    width: int = 12,
    most: float | None = None,
) -> Builder[Panel]:
    """Return one horizontal bar per series, as of now."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .datasource(SOURCE)
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .thresholds(_steps(*steps))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(ROW_HEIGHT)
        .span(width)
        .with_target(_target(query, instant=True))
    )
    return panel if most is None else panel.min(0).max(most)


def heat(
    title: str, text: str, unit: str, query: Query, *, scheme: str, buckets: bool, width: int = 24
) -> Builder[Panel]:
    """Return a heat-map: of a histogram's buckets, or with one row per series."""
    target = _target(query).format(PromQueryFormat.HEATMAP if buckets else PromQueryFormat.TIME_SERIES)
    axis = heatmap.YAxisConfig().unit(unit) if buckets else heatmap.YAxisConfig()
    cells = heatmap.CellValues().unit(COUNT if buckets else unit)
    return (
        heatmap.Panel()
        .title(title)
        .description(text)
        .datasource(SOURCE)
        .calculate(calculate=False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme(scheme).steps(64))
        .filter_values(heatmap.FilterValueRange().le(0 if buckets else LEAST))
        .cell_values(cells)
        .y_axis(axis)
        .show_legend()
        .height(ROW_HEIGHT + 2)
        .span(width)
        .with_target(target)
    )


def rows(title: str, text: str, unit: str, query: Query, *, width: int = 12) -> Builder[Panel]:
    """Return a table with one row per series, as of now."""
    return (
        table.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .datasource(SOURCE)
        .height(ROW_HEIGHT)
        .span(width)
        .with_target(_target(query, instant=True).format(PromQueryFormat.TABLE))
    )


def board(uid: str, title: str, text: str, panels: Sequence[Builder[Panel]]) -> Built:
    """Return a dashboard with numbered panels and the variables `datasource` and `account`."""
    made = (
        Dashboard(title)
        .uid(uid)
        .description(text)
        .tags([TAG])
        .timezone("utc")
        .refresh("10s")
        .time("now-6h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(
            dashboard.QueryVariable("account")
            .label("Account")
            .datasource(SOURCE)
            .query("label_values(trading_equity_dollars, account)")
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .include_all(include_all=True)
            .all_value(".*")
        )
        .link(
            dashboard.DashboardLink("Remora")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(keep_time=True)
        )
    )
    for panel in panels:
        made = made.with_panel(panel)
    built = made.build()
    for count, placed in enumerate(built.panels or [], start=1):
        placed.id_val = count
    return built
