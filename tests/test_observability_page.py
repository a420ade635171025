"""docs/observability.md names every metric, rule, alert, span and attribute that there is, and no other."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from remora.domain.alerts import AlertKind
from remora.domain.limits import Limits
from remora.telemetry.metrics import Metrics
from tests.telemetry.test_portfolio import MEASURES, NOW

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "observability.md").read_text()
RULES = [
    rule
    for path in sorted((ROOT / "dashboards" / "rules").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
SPANS = [
    (ROOT / name).read_text()
    for name in (
        "activities/order_protocol.py",
        "activities/entry.py",
        "activities/spans.py",
        "workers/temporal_outlet.py",
    )
]


def table(heading: str, nth: int = 0) -> list[list[str]]:
    """Return the rows of a section's table, cells without their code marks."""
    section = re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)
    (text,) = [part for part in section if part.split("\n", 1)[0] == heading]
    blocks = [block for block in re.split(r"\n\n", text) if block.startswith("|")]
    return [
        [cell.strip().strip("`") for cell in row.removeprefix("|").removesuffix("|").split("|")]
        for row in blocks[nth].split("\n")[2:]
    ]


def named(heading: str, nth: int = 0) -> list[str]:
    """Return the first column of a section's table."""
    return [row[0] for row in table(heading, nth)]


def described(heading: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return type and labels of each metric of a section."""
    return {row[0]: (row[1], frozenset(re.findall(r"\w+", row[2]))) for row in table(heading)}


def instruments() -> dict[str, tuple[str, frozenset[str]]]:
    """Return type and labels of every instrument of a process, by the name that Prometheus sees."""
    kinds: dict[type, str] = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
    found = {}
    for made in vars(Metrics(CollectorRegistry())).values():
        if type(made) in kinds:
            (family,) = made.describe()
            name = family.name + ("_total" if isinstance(made, Counter) else "")
            found[name] = (kinds[type(made)], frozenset(made._labelnames))
    return found


def of_an_account() -> dict[str, tuple[str, frozenset[str]]]:
    """Return type and labels of every gauge of an account, `account` itself left out."""
    metrics = Metrics(CollectorRegistry())
    metrics.portfolio.show(replace(MEASURES, roster_published_at=NOW), Limits(), now=NOW)
    return {
        family.name: (family.type, frozenset(family._labelnames) - {"account"})  # type: ignore[attr-defined]
        for family in metrics.portfolio.collect()
    }


def test_every_metric_is_named_with_its_type_and_labels_and_no_other() -> None:
    assert described("Of a process") == instruments()
    assert described("Of an account") == of_an_account()


def test_every_recorded_series_and_alert_rule_is_named_and_no_other() -> None:
    alerts = {rule["alert"]: rule["labels"]["severity"] for rule in RULES if "alert" in rule}

    assert sorted(named("Recorded series")) == sorted(rule["record"] for rule in RULES if "record" in rule)
    assert {row[0]: row[1] for row in table("Alert rules of Prometheus")} == alerts
    assert all(row[2] and row[3] for row in table("Alert rules of Prometheus"))


def test_every_kind_of_alert_to_people_is_named_and_no_other() -> None:
    assert sorted(named("Alerts to people")) == sorted(kind.value for kind in AlertKind)


def test_every_span_and_attribute_is_named_and_no_other() -> None:
    source = "\n".join(SPANS)
    spans = set(re.findall(r'_span\(\s*"([^"]+)"', source))
    attributes = set(re.findall(r'"(remora\.[a-z_.]+)"', source))

    assert set(named("Traces")) == spans
    assert set(named("Traces", 1)) == attributes


@pytest.mark.parametrize("block", re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL))
def test_the_queries_ask_for_series_that_exist(block: str) -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    queries = [line for line in block.splitlines() if line and not line.startswith("#")]

    assert queries
    for query in queries:
        series = re.findall(r"[a-z_]+:[a-z0-9_]+:[a-z0-9]+", query)
        assert series
        assert set(series) <= recorded


def test_the_dashboards_and_pictures_that_are_named_exist() -> None:
    titles: list[Any] = [
        json.loads(path.read_text())["title"]
        for path in (ROOT / "dashboards" / "grafana" / "dashboards").glob("*.json")
    ]

    assert {f"Remora · {name}" for name in named("Dashboards")} == set(titles)
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / picture).is_file(), picture
