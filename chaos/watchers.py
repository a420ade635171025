"""Two watchers under the load of a recorded burst: every trade is decided about once, whoever saw it."""

import asyncio
import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from chaos.checks import violations
from chaos.evidence import Told, gather
from chaos.place import WATCHERS, WORKERS, chaos_place, follow, watcher, worker
from chaos.quiet import quieten, watching
from chaos.run import CAPS
from remora.domain.ids import WalletAddress
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.public import PublicVenue

PER_MINUTE = 10_000
POLICY = {
    "REMORA_MARKET_CLASSES": "standard,short_crypto",
    "REMORA_VOLUME_24H_MIN_USD": "0",
    "REMORA_TIME_TO_RESOLUTION_MIN_H": "0.01",
    "REMORA_PRE_RESOLUTION_H": "0.002",
    "REMORA_PRE_RESOLUTION_AGGRESSIVE_H": "0.001",
    "REMORA_UNPROVEN_SHARE": "0.0001",
    "REMORA_ENTRY_ORDERS_PER_MINUTE": str(PER_MINUTE),
}
"""Copies what is denied by default, markets of minutes, in small stakes until shortly before the end."""

PATIENCE_S = 600.0
DATA_LAG_S = 5.0
"""The public history shows a trade later than the streams."""


@dataclass(slots=True)
class Burst:
    """What a burst came to: trades that the exchange showed, and those that were decided about."""

    told: int = 0
    consumed: int = 0
    decisions: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


async def burst(tape: Path, wallets: Sequence[WalletAddress], start: datetime, end: datetime) -> Burst:
    """Play a tape's window at its own speed before two watchers that follow `wallets`, and check every trade."""
    options = ("--tape", str(tape), "--from", start.isoformat(), "--to", end.isoformat(), "--speed", "1")
    services = [
        *(worker(name, env=POLICY) for name in WORKERS),
        *(watcher(name, env=POLICY) for name in WATCHERS),
    ]
    began, out = time.monotonic(), Burst()
    async with chaos_place(markets=0, whales=0, services=services, twin_options=options) as place:
        await follow(place, wallets)
        await watching(place, WATCHERS)
        await place.post("/start")
        async with asyncio.timeout((end - start).total_seconds() + PATIENCE_S):
            while not (await place.get("/status"))["done"]:  # noqa: ASYNC110 (another process's)
                await asyncio.sleep(0.5)
            await asyncio.sleep(DATA_LAG_S)
        venue = await PublicVenue.connect(await Endpoints.from_twin(str(place.stack.twin_control_url)))
        try:
            trades = [one for wallet in wallets for one in await venue.whale_trades(wallet, since=start)]
        finally:
            await venue.close()
        told = [Told(one.key, one.whale, one.token_id, one.side.value) for one in trades]
        await quieten(place)
        found = await gather(place, told)
        out.broken = violations(found, dataclasses.replace(CAPS, per_minute=PER_MINUTE))
        out.told, out.consumed = len(told), len(found.consumed)
        out.decisions = dict(Counter(one["reason"] or one["outcome"] for one in found.decisions))
        out.entries = sum(one["purpose"] == "entry" for one in found.orders)
    out.seconds = time.monotonic() - began
    return out
