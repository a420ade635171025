"""The dashboards' JSON is what the code builds, and what Grafana's own types accept."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import FOLDER, encoded, every_dashboard, path_of

ROOT = Path(__file__).parents[2]
BUILT = {str(dashboard.uid): dashboard for dashboard in every_dashboard()}
each = pytest.mark.parametrize("uid", BUILT)


def stored(uid: str) -> dict[str, Any]:
    """Return a dashboard as it is checked in."""
    found: dict[str, Any] = json.loads(path_of(BUILT[uid]).read_text())
    return found


@each
def test_what_is_checked_in_is_what_the_code_builds(uid: str) -> None:
    assert path_of(BUILT[uid]).read_text() == encoded(BUILT[uid]), "run: python -m dashboards.build"


@each
def test_grafanas_types_read_it_back_without_loss(uid: str) -> None:
    read = Dashboard.from_json(stored(uid))

    assert json.loads(encoded(read)) == stored(uid)


@each
def test_panels_are_told_apart_and_say_what_they_show(uid: str) -> None:
    panels = stored(uid)["panels"]

    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    for panel in panels:
        references = [target["refId"] for target in panel["targets"]]
        assert panel["title"]
        assert panel["description"]
        assert references == ["A", "B"][: len(references)]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@each
def test_panels_fit_the_grid_and_do_not_overlap(uid: str) -> None:
    places = [panel["gridPos"] for panel in stored(uid)["panels"]]

    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@each
def test_variables_choose_the_data_source_and_the_account(uid: str) -> None:
    variables = {variable["name"]: variable for variable in stored(uid)["templating"]["list"]}

    assert variables["datasource"]["query"] == "prometheus"
    assert variables["account"]["allValue"] == ".*"


def test_losses_are_not_hidden_in_the_heat_map_of_whales() -> None:
    (heat,) = [panel for panel in stored("remora-whales")["panels"] if panel["type"] == "heatmap"]

    assert heat["options"]["filterValues"]["le"] < -1e9


def test_grafana_is_provisioned_with_all_of_them() -> None:
    provider = yaml.safe_load((FOLDER / "remora.yml").read_text())["providers"][0]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts = [mount.split(":") for mount in compose["services"]["grafana"]["volumes"]]
    ((_source, target, _mode),) = [mount for mount in mounts if mount[0] == "./dashboards/grafana"]

    assert provider["options"]["path"] == f"{target}/dashboards"
    assert {path.name for path in FOLDER.glob("*.json")} == {path_of(d).name for d in BUILT.values()}
