"""The research worker takes its rules from the settings."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from remora.settings import Settings
from remora.storage.engine import create_engine
from remora.venues.polymarket.endpoints import Endpoints
from workers.research import scoring_tools


@pytest.mark.parametrize(("mode", "counts"), [("twin", "twin"), ("paper", "paper"), ("live", "paper")])
def test_only_a_twins_own_desk_counts_twin_positions(tmp_path: Path, mode: str, counts: str) -> None:
    settings = Settings(
        REMORA_MODE=mode,  # type: ignore[call-arg]
        REMORA_TWIN_URL="http://127.0.0.1:7074",
        REMORA_RESEARCH_DIR=tmp_path,
        REMORA_ROSTER_AGE_MAX_H=12,
        REMORA_KEEP_SCORE=50,
        REMORA_HALF_LIFE_DAYS=30,
    )
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    with ThreadPoolExecutor(1) as pool:
        tools = scoring_tools(settings, engine, Endpoints.production(), pool)

    assert tools.paper_books == counts
    assert tools.roster_age_max == timedelta(hours=12)
    assert (tools.rules.keep_score, tools.params.half_life_days) == (50.0, 30.0)
