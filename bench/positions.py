"""Thousands of open positions on one worker: memory, sticky cache, processor time at rest, time to flatten all."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Sequence

import httpx
import psutil
from sqlalchemy import text

from bench.numbers import Row
from bench.place import Place, bench_place
from starters import desk
from starters.client import connect

COUNT = int(os.environ.get("BENCH_POSITIONS", "5000"))
"""Positions to open; fewer by the variable, for a smaller machine."""

MARKETS = 50
OUTSTANDING_MAX = 12
"""Trades that may wait for their copy: more would only queue."""

REST_S = 20.0
STALLED_AFTER_S = 60.0
"""Without progress for so long, the rest is given up and reported as it is."""

OPEN, ENDED = ("open",), ("closed", "unfilled")


async def measure() -> list[Row]:
    """Return rows of memory, cache, processor time and duration at `COUNT` positions."""
    where = f"{COUNT:,} positions"
    async with bench_place(markets=MARKETS, whales=-(-COUNT // MARKETS) + 1) as place:
        engine = psutil.Process(place.stack.pid("engine"))
        loop = asyncio.get_running_loop()
        empty, began = _mib(engine), loop.time()
        opened = await _open(place, COUNT)
        opening, full = loop.time() - began, _mib(engine)
        busy = _processor_s(engine)
        await asyncio.sleep(REST_S)
        resting = (_processor_s(engine) - busy) / REST_S
        cache = await _cache(place)
        client = await connect(place.stack.temporal_address, namespace="default")
        began = loop.time()
        await desk.flatten(client, place.account, by="bench", reason="measured")
        told = loop.time() - began
        closed = await _wait(lambda: _count(place, ENDED), opened)
        flat = loop.time() - began
        after = _mib(engine)
    found = [
        ("opened", opened, "positions"),
        ("seconds to open them", opening, "s"),
        ("resident memory of the worker, nothing held", empty, "MiB"),
        ("resident memory of the worker, all held", full, "MiB"),
        ("memory for each position", 1024 * (full - empty) / max(1, opened), "KiB"),
        ("workflows in the sticky cache", cache.get("size", 0.0), "workflows"),
        ("evicted from the sticky cache so far", cache.get("evicted", 0.0), "workflows"),
        ("processor at rest, of one core", 100 * resting, "%"),
        ("flatten asked for to answered: every position was told", told, "s"),
        ("flatten asked for to all closed", flat, "s"),
        ("closed", closed, "positions"),
        ("resident memory of the worker, all closed", after, "MiB"),
    ]
    return [Row(where, what, 1, value, value, unit) for what, value, unit in found]


async def _open(place: Place, count: int) -> int:
    """Let whales trade as fast as copies are opened; return how many are open in the end."""
    traded = 0

    async def progress() -> int:
        nonlocal traded
        decided = await _decided(place)
        while traded < count and traded - decided < OUTSTANDING_MAX:
            await place.trade()
            traded += 1
        return await _count(place, OPEN)

    return await _wait(progress, count)


async def _wait(progress: Callable[[], Awaitable[int]], wanted: int) -> int:
    """Look until `progress` reaches `wanted` or makes none for a minute; return it."""
    loop = asyncio.get_running_loop()
    most, moved_at = -1, loop.time()
    while True:
        now = await progress()
        if now > most:
            most, moved_at = now, loop.time()
        if now >= wanted or loop.time() - moved_at > STALLED_AFTER_S:
            return now
        await asyncio.sleep(0.1)


async def _count(place: Place, states: Sequence[str]) -> int:
    query = text("SELECT count(*) FROM positions WHERE state = ANY(:states)")
    async with place.engine.connect() as connection:
        return int(await connection.scalar(query, {"states": list(states)}) or 0)


async def _decided(place: Place) -> int:
    async with place.engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM decisions")) or 0)


async def _cache(place: Place) -> dict[str, float]:
    """Return what the worker's SDK says of its sticky cache: workflows in it, and evicted from it so far."""
    port = place.stack.site.ports["metrics"] + 1
    async with httpx.AsyncClient(trust_env=False) as http:
        said = (await http.get(f"http://127.0.0.1:{port}/metrics")).raise_for_status().text
    names = {"size": "sticky_cache_size", "evicted": "sticky_cache_total_forced_eviction(?:_total)?"}
    return {
        key: sum(float(value) for value in re.findall(rf"^temporal_{name}(?:{{.*}})? (\S+)$", said, re.MULTILINE))
        for key, name in names.items()
    }


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
