"""What a reconciliation of many open positions costs: time, and requests that the exchange had to answer."""

import asyncio
import os
import re
import time
from collections import Counter

from bench.held import hold
from bench.numbers import Row
from bench.place import Place, bench_place
from schemas.reconcile import ReconcileResult
from starters.client import connect
from starters.reconcile import reconcile

HELD = int(os.environ.get("REMORA_BENCH_RECONCILED", "2000"))
PER_MARKET = 4
"""Whales whose copies share a token: as on a desk that follows several wallets into the same events."""

ID = re.compile(r"0x[0-9a-f]{8,}|\d{8,}")


async def measure() -> list[Row]:
    """Return the seconds of ``remora reconcile``, and the exchange's requests for each position.

    A reconciliation compares twice: once to repair, once with totals. What other readers ask for in as long a time
    right afterwards is taken off.
    """
    async with bench_place(markets=-(-HELD // PER_MARKET), whales=PER_MARKET + 1) as place:
        await hold(place, HELD)
        client = await connect(place.stack.temporal_address, namespace="default")
        before, began = await _requests(place), time.perf_counter()
        found: ReconcileResult = await reconcile(client, place.account, mode="twin")
        took = time.perf_counter() - began
        asked = await _requests(place) - before
        await asyncio.sleep(took)
        others = await _requests(place) - before - asked
    ours = asked - others
    for path, count in ours.most_common(12):
        print(f"{count:6d} {path}  ({others[path]} of others)", flush=True)
    where = f"{found.positions} open positions, {len(found.differences)} differences"
    total, each = sum(ours.values()), sum(ours.values()) / found.positions
    return [
        Row(where, "remora reconcile, two comparisons", 1, took, took, "s"),
        Row(where, "requests to the exchange", 1, total, total, "requests"),
        Row(where, "requests for each thousand positions", 1, 1000 * each, 1000 * each, "requests"),
    ]


async def _requests(place: Place) -> Counter[str]:
    found = (await place.control.get("/faults")).raise_for_status().json()
    counted: Counter[str] = Counter()
    for path, count in found["requests"].items():
        counted[ID.sub("ID", path)] += count
    return counted
