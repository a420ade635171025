"""Orders that reach the exchange after a pause was answered, under a stream of trades."""

import asyncio
from datetime import UTC, datetime

from bench.numbers import Row, percentiles
from bench.place import Place, bench_place
from starters import desk
from starters.client import connect

TRIES, RATE = 200, 20.0
MARKETS, WHALES = 60, 300
ON_ITS_WAY_S = 0.5
"""Between an answer and the next resume: what would still go out has gone out."""

BUDGET_S = 900.0
"""A machine that is too slow for all tries makes fewer, and the table says how many."""


async def measure() -> list[Row]:
    """Return how long a pause takes to be answered, and how many entry orders the exchange had after an answer."""
    waits: list[float] = []
    pauses: list[tuple[datetime, datetime]] = []
    async with bench_place(markets=MARKETS, whales=WHALES) as place:
        client = await connect(place.stack.temporal_address, namespace="default")
        trading = asyncio.create_task(_trade(place))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BUDGET_S
        while len(waits) < TRIES and loop.time() < deadline:
            await asyncio.sleep(0.25)
            began = datetime.now(UTC)
            await desk.pause(client, place.account, by="bench", reason="measured")
            answered = datetime.now(UTC)
            waits.append((answered - began).total_seconds() * 1000)
            await asyncio.sleep(ON_ITS_WAY_S)
            pauses.append((answered, datetime.now(UTC)))
            await desk.resume(client, place.account, by="bench", reason="measured")
        assert not trading.done(), "nobody traded any more"
        trading.cancel()
        await asyncio.gather(trading, return_exceptions=True)
        received = list((await place.received_at()).values())
    late = [sum(start < at < end for at in received) for start, end in pauses]
    p50, p99 = percentiles(waits)
    found = percentiles(late)
    return [
        Row(f"{RATE:g} trades/s", "pause asked for to answered", len(waits), p50, p99, "ms"),
        Row(f"{RATE:g} trades/s", "orders after an answer", len(late), *found, "orders"),
        Row(
            f"{RATE:g} trades/s", "orders after an answer, all together", len(late), sum(late), max(late), "orders"
        ),
        Row(f"{RATE:g} trades/s", "orders sent in all", len(received), len(received), len(received), "orders"),
    ]


async def _trade(place: Place) -> None:
    loop = asyncio.get_running_loop()
    began, number = loop.time(), 0
    while True:
        await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
        await place.trade()
        number += 1
