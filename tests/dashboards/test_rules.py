"""Recording and alert rules, checked by Prometheus's own tool."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "dashboards"
RULES = sorted((FOLDER / "rules").glob("*.yml"))


def rules(kind: str) -> list[dict[str, Any]]:
    """Return every rule of a kind: `alert` or `record`."""
    found = [
        rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
    ]
    return [rule for rule in found if kind in rule]


ALERTS = {rule["alert"]: rule for rule in rules("alert")}


def promtool(*arguments: str | Path) -> None:
    """Run Prometheus's tool; skip where there is none."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_configuration_are_valid() -> None:
    promtool("check", "rules", *RULES)
    promtool("check", "config", FOLDER / "prometheus.yml")


def test_an_alert_compares_one_recorded_series_with_a_number_and_says_what_to_do() -> None:
    recorded = {rule["record"] for rule in rules("record")}
    for name, alert in ALERTS.items():
        series, _sign, number = re.split(r" ([<>]|==) ", alert["expr"])

        assert re.split(r"[{]", series)[0] in recorded, name
        assert float(number) >= 0
        assert alert["labels"]["severity"] in ("page", "warn")
        assert set(alert["annotations"]) == {"summary", "action"}


def series_of(selector: str) -> str:
    """Return a series that a selector matches."""
    name, _, labels = selector.partition("{")
    pairs = re.findall(r'(\w+)=~?"(\w+)', labels)
    return name + "{" + ",".join(f'{k}="{v}"' for k, v in pairs) + "}"


def evaluated(alert: dict[str, Any], value: float, *, fires: bool) -> dict[str, Any]:
    """Return a test of the tool: after half an hour at `value`, the alert fires or does not."""
    selector = re.split(r" (?:[<>]|==) ", alert["expr"])[0]
    labels = dict(re.findall(r'(\w+)=~?"(\w+)', selector))
    expected = [{"exp_labels": {**labels, **alert["labels"]}}] if fires else []
    return {
        "interval": "15s",
        "input_series": [{"series": series_of(selector), "values": f"{value}x120"}],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{alert["alert"]}",alertstate="firing"}})',
                "eval_time": "30m",
                "exp_samples": [{"labels": "{}", "value": 1}] if expected else [],
            }
        ],
    }


def around(alert: dict[str, Any]) -> tuple[float, float]:
    """Return a value at which the alert must stay quiet and one at which it must fire."""
    _selector, sign, number = re.split(r" ([<>]|==) ", alert["expr"])
    limit = float(number)
    return {">": (limit, 2 * limit + 1), "<": (limit, limit / 2 - 1), "==": (limit - 1, limit)}[sign]


@pytest.mark.parametrize("fires", [False, True], ids=["quiet", "firing"])
def test_alerts_fire_beyond_their_number_and_only_there(tmp_path: Path, fires: bool) -> None:
    cases = [evaluated(alert, around(alert)[fires], fires=fires) for alert in ALERTS.values()]
    file = tmp_path / "alerts.json"
    file.write_text(json.dumps({"rule_files": [str(FOLDER / "rules" / "alerts.yml")], "tests": cases}))

    promtool("test", "rules", file)
