"""From the first byte of a whale's trade at the watcher to the first byte of our order at the exchange."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from bench.numbers import Row, percentiles
from bench.place import Place, bench_place

RATES = ((1.0, 60), (20.0, 400))
"""Trades per second, and how many."""

WARM_UP = 10
STAGES = (
    ("seen_at", "decided_at", "watcher, Temporal: to the activity's first line"),
    ("decided_at", "signed_at", "market, book, risk transaction, signature"),
    ("signed_at", "received_at", "signed bytes persisted, request on its way"),
    ("seen_at", "received_at", "first byte in, first byte out"),
)


async def measure(rates: Sequence[tuple[float, int]] = RATES) -> list[Row]:
    """Return rows of stage, rate, p50 and p99 for the product and for the bare script on the same twin."""
    rows: list[Row] = []
    trades = sum(count for _, count in rates) + WARM_UP
    async with bench_place(markets=60, whales=-(-trades // 60)) as place:
        for rate, count in ((20.0, WARM_UP), *rates):
            observed = await copied(place, rate, count)
            if (rate, count) != (20.0, WARM_UP):
                rows += stage_rows("remora", rate, observed)
    async with bench_place(markets=60, whales=-(-trades // 60), with_engine=False) as place, _bare(place) as lines:
        for rate, count in ((20.0, WARM_UP), *rates):
            observed = await _theirs(place, lines, rate, count)
            if (rate, count) != (20.0, WARM_UP):
                rows += stage_rows("bare script", rate, observed)
    return rows


async def _trade(place: Place, rate: float, count: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        await place.trade()


async def copied(place: Place, rate: float, count: int) -> list[dict[str, datetime]]:
    """Let `count` trades happen at `rate` per second; return when each copy reached each stage."""
    before = set(await place.received_at())
    await _trade(place, rate, count)
    await asyncio.sleep(3)
    received = await place.received_at()
    async with place.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT digest, seen_at, decided_at, signed_at FROM orders WHERE digest IS NOT NULL")
        )
        rows: list[dict[str, Any]] = [dict(row) for row in found.mappings()]
    return [
        {**row, "received_at": received[row["digest"]]}
        for row in rows
        if row["digest"] in received and row["digest"] not in before and row["seen_at"] is not None
    ]


@contextlib.asynccontextmanager
async def _bare(place: Place) -> AsyncIterator[asyncio.StreamReader]:
    environment = {
        **os.environ,
        "PRIVATE_KEY": place.stack.account_key,
        "REMORA_TWIN_URL": str(place.stack.twin_control_url),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare_copier", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).strip() == b"ready"
        yield process.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def _theirs(place: Place, lines: asyncio.StreamReader, rate: float, count: int) -> list[dict[str, datetime]]:
    await _trade(place, rate, count)
    seen = [(await asyncio.wait_for(lines.readline(), 30)).decode().split() for _ in range(count)]
    received = await place.received_at()
    return [
        {"seen_at": datetime.fromisoformat(at), "received_at": received[digest]}
        for digest, at in seen
        if digest in received
    ]


def stage_rows(name: str, rate: float, observed: Sequence[dict[str, datetime]]) -> list[Row]:
    """Return a row per stage that was observed."""
    rows = []
    for begin, end, stage in STAGES:
        waits = [(row[end] - row[begin]).total_seconds() * 1000 for row in observed if begin in row and end in row]
        if waits:
            p50, p99 = percentiles(waits)
            rows.append(Row(f"{name}, {rate:g} trades/s", stage, len(waits), p50, p99, "ms"))
    return rows
