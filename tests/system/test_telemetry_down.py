"""Nobody listens to the traces, and the metrics' port is taken: trading goes on, after one warning each."""

import socket
from collections import Counter

import pytest

from bench.place import bench_place
from remora.embedded.state import StateDir
from tests.fixtures.ports import free_port

from .test_traces import copy_and_stop_out

pytestmark = [pytest.mark.system, pytest.mark.slow]


async def test_a_trade_is_copied_and_left_with_every_listener_away() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "REMORA_METRICS_PORT": str(taken.getsockname()[1]),
        }
        async with bench_place(markets=1, whales=1, env=env) as place:
            events = await copy_and_stop_out(place)
            fills = (await place.control.get(f"/books/{place.account}")).raise_for_status().json()["fills"]
            log = StateDir(place.stack.state_dir).log("engine").read_text()
    said = Counter(word for word in ("traces.unavailable", "metrics.unavailable") for _ in range(log.count(word)))

    assert {fill["side"] for fill in fills} == {"BUY", "SELL"}
    assert said == {"traces.unavailable": 1, "metrics.unavailable": 1}
    assert "Traceback" not in log
    assert "Failed to export" not in log
    assert events <= 40
