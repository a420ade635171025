from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.storage.trials import Trial, remember, sharpes

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def trial(key: str, sharpe: float | None, fingerprint: str = "data") -> Trial:
    return Trial(key=key, fingerprint=fingerprint, sharpe=sharpe, days=30, recorded={"stop_loss": "0.15"})


@pytest.mark.system
async def test_each_configuration_is_remembered_once_per_data_set(engine: AsyncEngine) -> None:
    await remember(engine, trial("a", 0.1), now=NOW)
    await remember(engine, trial("b", None), now=NOW + timedelta(hours=1))
    await remember(engine, trial("a", 0.2), now=NOW + timedelta(hours=2))
    await remember(engine, trial("c", 0.9, "other data"), now=NOW)

    assert await sharpes(engine, "data") == [0.2, 0.0]
    assert await sharpes(engine, "other data") == [0.9]


@pytest.mark.system
async def test_a_configuration_tried_again_counts_where_its_data_is_counted_now(engine: AsyncEngine) -> None:
    await remember(engine, trial("a", 0.1, "as once"), now=NOW)
    await remember(engine, trial("a", 0.1, "as now"), now=NOW)

    assert await sharpes(engine, "as once") == []
    assert await sharpes(engine, "as now") == [0.1]
