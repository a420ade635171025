"""How long a crossed stop waits when the only worker is killed."""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime
from typing import Any

from bench.held import guarded, hold
from bench.numbers import Row, percentiles
from bench.place import Place, bench_place
from remora.domain.ids import TokenId
from remora.embedded.inspection import inspect
from remora.embedded.state import StateDir

HELD = int(os.environ.get("REMORA_BENCH_HELD", "200"))
ROUNDS = 10
MARKETS = 100
PATIENCE_S = 120.0


async def measure() -> list[Row]:
    """Return the time from SIGKILL of worker and watcher to the first exit order, started again at once.

    The stop is crossed while nobody watches; the exchange notes when it had the order's first byte.
    """
    first, dead = [], []
    async with bench_place(markets=MARKETS, whales=-(-HELD // MARKETS) + 3) as place:
        for number in range(ROUNDS):
            await hold(place, HELD)
            sold, gone = await _killed(place)
            print(f"round {number + 1}: first exit order after {sold:.1f} s", flush=True)
            first.append(sold)
            dead.append(gone)
    where = f"{HELD} open positions"
    return [
        Row(where, "SIGKILL to a new process that is ready", len(dead), *percentiles(dead), "s"),
        Row(where, "SIGKILL to first exit order", len(first), *percentiles(first), "s"),
    ]


async def _killed(place: Place) -> tuple[float, float]:
    """Kill the worker and cross a stop; return the seconds to the first sale and to the new process."""
    token = (await guarded(place))[0].token_id
    before = set(await _sales(place))
    services = inspect(StateDir(place.stack.state_dir)).services
    pid = next(one.pid for one in services if one.name == "engine")
    os.kill(pid, signal.SIGKILL)
    began = datetime.now(UTC)
    await _quote(place, token, "0.30")
    await place.stack.restart("engine")
    ready = (datetime.now(UTC) - began).total_seconds()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        sales = await _sales(place)
        if new := set(sales) - before:
            await _quote(place, token, "0.50")
            return (min(sales[digest] for digest in new) - began).total_seconds(), ready
        await asyncio.sleep(0.05)
    raise TimeoutError(f"expected an exit order within {PATIENCE_S:g} s of the kill")


async def _sales(place: Place) -> dict[str, datetime]:
    books: dict[str, Any] = (await place.control.get(f"/books/{place.account}")).raise_for_status().json()
    sales = [order for order in books["orders"] if order["side"] == "SELL"]
    return {order["id"]: datetime.fromisoformat(order["received_at"]) for order in sales}


async def _quote(place: Place, token: TokenId, bid: str) -> None:
    ask = f"{float(bid) + 0.01:.2f}"
    body = {"token_id": token, "bid": bid, "ask": ask, "size": "100000"}
    (await place.control.post("/quotes", json=body)).raise_for_status()
