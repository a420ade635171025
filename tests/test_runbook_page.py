"""The runbook has a line for every alert, and types only commands that there are."""

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from remora.cli.main import app
from remora.domain.alerts import AlertKind

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "runbook.md").read_text()
RULES = yaml.safe_load((ROOT / "dashboards" / "rules" / "alerts.yml").read_text())


def test_every_alert_is_in_the_runbook() -> None:
    rules = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}
    named = set(re.findall(r"`(\w+)`", PAGE))

    assert {kind.value for kind in AlertKind} | rules <= named


@pytest.mark.parametrize("page", ["runbook.md", "production.md"])
def test_what_it_says_to_type_is_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    typed = set(re.findall(r"`remora ([\w-]+)", text))

    assert typed <= set(getattr(get_command(app), "commands", {}))
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / "docs" / target).exists(), target
