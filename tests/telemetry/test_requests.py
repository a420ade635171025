"""Requests are counted under few names."""

import httpx
import pytest
from prometheus_client import CollectorRegistry

from remora.telemetry.metrics import Metrics
from remora.telemetry.requests import NO_ANSWER, count_requests
from tests.fixtures.twin import RunningTwin


async def test_paths_that_begin_with_an_identifier_share_a_name(twin: RunningTwin) -> None:
    metrics = Metrics(CollectorRegistry())
    stop = count_requests(metrics)
    try:
        for number in range(20):
            await twin.control.get(f"/0x{number:064x}/orders")
            await twin.control.get(f"/books/0x{number:040x}")
        async with httpx.AsyncClient(trust_env=False) as nobody:
            with pytest.raises(httpx.ConnectError):
                await nobody.get("http://127.0.0.1:9/clock")
    finally:
        stop()
    samples = [s for family in metrics.api_requests.collect() for s in family.samples if s.name.endswith("_total")]

    assert {(s.labels["path"], s.value) for s in samples} == {("/other", 20.0), ("/books", 20.0), ("/clock", 1.0)}
    assert {s.labels["status"] for s in samples if s.labels["path"] == "/clock"} == {NO_ANSWER}
