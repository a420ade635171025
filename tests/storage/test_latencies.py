"""What the ledger says about how late we are is what was written into it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.backtest.costs import Latency
from remora.cli.backtest.latency import SAMPLES_MIN, kept
from remora.cli.errors import CommandFailed
from remora.storage.latencies import SHARES, Latencies, measured_latencies
from remora.storage.sightings import Sighting, record_sightings
from remora.storage.tables import Order

from .test_risk import ACCOUNT, NOW, ask, prepared


def sighting(number: int, lag_ms: int, behind_ms: int | None) -> Sighting:
    return Sighting(
        trade_key=f"t{number}",
        source="rtds" if behind_ms is None else "chain",
        whale="0x1",
        token_id="1",
        side="BUY",
        kind="trade",
        happened_at=NOW,
        seen_at=NOW + timedelta(milliseconds=lag_ms),
        lag_ms=lag_ms,
        behind_ms=behind_ms,
    )


async def test_the_first_sight_and_the_way_to_the_reply_are_measured(engine: AsyncEngine) -> None:
    await prepared(engine)
    await record_sightings(engine, [sighting(n, 1000 * n, None) for n in range(5)])
    await record_sightings(engine, [sighting(n, 9000, 500) for n in range(5)])
    record = await ask(engine, 1)
    times = {"seen_at": NOW, "acked_at": NOW + timedelta(milliseconds=250)}
    async with engine.begin() as connection:
        await connection.execute(update(Order).where(Order.id == record.order_id).values(**times))

    found = await measured_latencies(engine, ACCOUNT)

    assert found.detections == 5
    assert (found.detection_s[0], found.detection_s[len(SHARES) // 2], found.detection_s[-1]) == (0.0, 2.0, 4.0)
    assert found.orders == 1
    assert set(found.order_s) == {0.25}


async def test_an_account_that_never_traded_has_none(engine: AsyncEngine) -> None:
    found = await measured_latencies(engine, ACCOUNT)

    assert found == Latencies(detection_s=(), detections=0, order_s=(), orders=0)


def test_a_backtest_draws_from_what_was_measured(tmp_path: Path) -> None:
    many = Latencies(detection_s=(1.0, 2.0, 5.0), detections=SAMPLES_MIN, order_s=(0.1, 0.3), orders=SAMPLES_MIN)
    path = kept(many, tmp_path / "latencies")
    read = Latency.parse(str(path))

    assert (read.detection, read.order) == (many.detection_s, many.order_s)
    assert kept(many, tmp_path / "latencies") == path
    assert json.loads(path.read_text())["order_s"] == [0.1, 0.3]


def test_too_few_samples_are_refused(tmp_path: Path) -> None:
    few = Latencies(detection_s=(1.0,), detections=SAMPLES_MIN, order_s=(0.1,), orders=SAMPLES_MIN - 1)

    with pytest.raises(CommandFailed, match="expected 20 detections"):
        kept(few, tmp_path)
