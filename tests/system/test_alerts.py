"""A worker as it runs in production trips its breaker, and a person hears of it."""

import pytest

from bench.place import Place, bench_place
from remora.embedded.state import StateDir
from remora.storage.positions import PositionRow, list_positions
from tests.fixtures.waiting import until
from tests.telemetry.test_alerts import Service, served

pytestmark = [pytest.mark.system, pytest.mark.slow]


async def held(place: Place) -> PositionRow:
    """Return the position that a trade caused, once it is guarded."""

    async def look() -> list[PositionRow]:
        return await list_positions(place.engine, place.account)

    rows = await until(look, lambda found: bool(found) and found[0].stop_price is not None)
    row: PositionRow = rows[0]
    return row


async def told(service: Service) -> str:
    """Return everything that the service was told."""
    return "\n".join(f"{message['title']}: {message['message']}" for message in service.messages)


async def test_the_worker_tells_that_its_breaker_tripped() -> None:
    async with served() as service:
        env = {
            "REMORA_ALERT_URLS": service.url,
            "REMORA_HEARTBEAT_URL": f"http://127.0.0.1:{service.port}/ping",
            "MAX_DAILY_LOSS": "1",
        }
        async with bench_place(markets=1, whales=1, env=env) as place:
            _whale, token = await place.trade()
            await held(place)
            (
                await place.control.post("/quotes", json={"token_id": token, "bid": "0.30", "ask": "0.31"})
            ).raise_for_status()
            said = await until(lambda: told(service), lambda words: "The desk halted" in words)
            log = StateDir(place.stack.state_dir).log("engine").read_text()

    assert "daily_loss: lost" in said
    assert said.count("Summary as") == 1
    assert "GET /ping HTTP/1.1" in service.requests
    assert "hunter2secret" not in log + said
