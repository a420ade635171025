"""A dashboard's picture has every panel, drawn from the series it is given."""

import json
from pathlib import Path
from typing import Any

import pytest

from dashboards.build import every_dashboard, path_of
from dashboards.picture import Series, draw, named, short

WHALE = "0x" + "ab" * 20
STORED: dict[str, dict[str, Any]] = {
    str(dashboard.uid): json.loads(path_of(dashboard).read_text()) for dashboard in every_dashboard()
}
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_series_is_named_as_its_legend_says() -> None:
    labels = {"__name__": "m", "account": "0xee", "whale": WHALE, "kind": "total"}

    assert named("{{whale}} {{kind}}", labels) == "0xabab…abab total"
    assert named("__auto", labels) == "0xabab…abab total"
    assert named("cached", labels) == "cached"
    assert short("0xabc") == "0xabc"


@pytest.mark.parametrize("uid", STORED)
def test_a_dashboard_is_drawn_and_a_panel_without_series_is_noticed(uid: str, tmp_path: Path) -> None:
    series = [Series(name, (0.0, 60.0, 120.0), (1.0, 3.0, 2.0)) for name in ("0.1", "1.0")]
    panels = STORED[uid]["panels"]
    target = tmp_path / "dashboard.png"
    draw(STORED[uid], [series] * len(panels), target)

    assert target.read_bytes().startswith(PNG)
    with pytest.raises(ValueError, match="zip"):
        draw(STORED[uid], [], target)
