"""How many events a held position's history has, whatever its holding time."""

import asyncio

from temporalio.client import Client

from bench.numbers import Row
from bench.place import Place, bench_place
from schemas.position import position_workflow_id
from starters.client import connect

HOLD_SECONDS = (1.0, 20.0)


async def measure() -> list[Row]:
    """Return the number of history events of entry, hold and exit for each holding time."""
    rows = []
    async with bench_place(markets=len(HOLD_SECONDS), whales=1) as place:
        client = await connect(place.stack.temporal_address, namespace="default")
        for seconds in HOLD_SECONDS:
            events = await _life(place, client, seconds)
            rows.append(Row("one position", f"held {seconds:g} s", 1, events, events, "events"))
    return rows


async def _life(place: Place, client: Client, seconds: float) -> int:
    whale, token = await place.trade()
    handle = client.get_workflow_handle(position_workflow_id(place.account, whale, token))
    await asyncio.sleep(3 + seconds)
    await place.control.post("/quotes", json={"token_id": token, "bid": "0.90", "ask": "0.91"})
    await asyncio.wait_for(handle.result(), 60)
    return len((await handle.fetch_history()).events)
