"""What metrics and traces add to the way from a whale's trade to our order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

import httpx

from bench.hot_path import copied, stage_rows
from bench.numbers import Row
from bench.place import bench_place
from bench.trace_receiver import TraceReceiver, receiving

ROUNDS = 3
"""Off and on take turns, so that what else the machine does meets both."""

RATE, COUNT, WARM_UP = 5.0, 120, 20
SCRAPE_S = 15.0
"""As in dashboards/prometheus.yml."""

OFF = {"OTEL_SDK_DISABLED": "true", "REMORA_METRICS_PORT": ""}


async def measure() -> list[Row]:
    """Return rows of stage, p50 and p99 with telemetry off and on, every round's trades together."""
    found: dict[str, list[dict[str, datetime]]] = {"telemetry off": [], "telemetry on": []}
    for _ in range(ROUNDS):
        found["telemetry off"] += await _round(OFF, scraped=False)
        receiver = TraceReceiver()
        async with receiving(receiver):
            on = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
            found["telemetry on"] += await _round(on, scraped=True)
    return [row for name, observed in found.items() for row in stage_rows(name, RATE, observed)]


async def _round(env: Mapping[str, str], *, scraped: bool) -> list[dict[str, datetime]]:
    async with bench_place(markets=10, whales=-(-(WARM_UP + COUNT) // 10), env=env) as place:
        port = place.stack.site.ports["metrics"]
        async with _scraping(port) if scraped else contextlib.nullcontext():
            await copied(place, RATE, WARM_UP)
            return await copied(place, RATE, COUNT)


@contextlib.asynccontextmanager
async def _scraping(port: int) -> AsyncIterator[None]:
    """Read both metrics ports as often as our Prometheus does."""

    async def scrape() -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            while True:
                for one in (port, port + 1):
                    (await http.get(f"http://127.0.0.1:{one}/metrics")).raise_for_status()
                await asyncio.sleep(SCRAPE_S)

    task = asyncio.create_task(scrape())
    try:
        yield
        assert not task.done(), "nobody answered at the metrics ports"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
