"""``python -m dashboards.build``: write every dashboard as the JSON that Grafana provisions."""

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import health, portfolio, underwater, whales

FOLDER: Final = Path(__file__).parent / "grafana" / "dashboards"


def every_dashboard() -> list[Dashboard]:
    """Return the dashboards as built by their modules."""
    return [portfolio.dashboard(), underwater.dashboard(), whales.dashboard(), health.dashboard()]


def encoded(dashboard: Dashboard) -> str:
    """Return a dashboard's JSON, the same for the same dashboard."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def path_of(dashboard: Dashboard) -> Path:
    """Return where a dashboard is kept."""
    assert dashboard.uid is not None
    return FOLDER / f"{dashboard.uid.removeprefix('remora-')}.json"


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for dashboard in every_dashboard():
        path_of(dashboard).write_text(encoded(dashboard))


if __name__ == "__main__":
    main()
