"""Two watchers under the load of a recorded burst: every trade is decided about once, whoever saw it."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from chaos.checks import unheard_sales, violations
from chaos.evidence import Told, gather, rows
from chaos.place import WATCHERS, WORKERS, chaos_place, follow, watcher, worker
from chaos.quiet import quieten, watching
from chaos.run import CAPS
from remora.domain.ids import WalletAddress
from remora.domain.trades import WhaleTrade
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.public import PublicVenue

LET_TRADE = {
    "REMORA_MARKET_CLASSES": "standard,short_crypto",
    "REMORA_TIME_TO_RESOLUTION_MIN_H": "0",
    "REMORA_PRE_RESOLUTION_H": "0.005",
    "REMORA_PRE_RESOLUTION_AGGRESSIVE_H": "0.002",
    "REMORA_VOLUME_24H_MIN_USD": "0",
}
"""Settings under which markets of five and fifteen minutes are traded, against the default and against advice."""

HEARD_WITHIN = timedelta(seconds=15)
PATIENCE_S = 600.0
BEFORE = timedelta(hours=1)
DATA_LAG_S = 5.0
"""The public history shows a trade later than the streams."""


@dataclass(slots=True)
class Burst:
    """What a burst came to: trades that the exchange showed, and those that were decided about."""

    told: int = 0
    consumed: int = 0
    decisions: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    exits: int = 0
    sales: int = 0
    positions: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


async def burst(
    tape: Path,
    wallets: Sequence[WalletAddress],
    start: datetime,
    end: datetime,
    *,
    policy: Mapping[str, str] = MappingProxyType({}),
    logs: Path | None = None,
) -> Burst:
    """Play a tape's window at its own speed before two watchers that follow `wallets`, and check every trade.

    Five- and fifteen-minute markets are denied by default: what is decided then is a refusal, once for each trade.
    `policy` are settings of the workers and watchers, such as `LET_TRADE`.
    """
    options = ("--tape", str(tape), "--from", start.isoformat(), "--to", end.isoformat(), "--speed", "1")
    services = [
        *(worker(name, env=policy) for name in WORKERS),
        *(watcher(name, env=policy) for name in WATCHERS),
    ]
    began, out = time.monotonic(), Burst()
    async with chaos_place(markets=0, whales=0, services=services, twin_options=options, logs=logs) as place:
        await follow(place, wallets)
        await watching(place, WATCHERS)
        await place.post("/start")
        async with asyncio.timeout((end - start).total_seconds() + PATIENCE_S):
            while not (await place.get("/status"))["done"]:  # noqa: ASYNC110 (another process's)
                await asyncio.sleep(0.5)
            await asyncio.sleep(DATA_LAG_S)
        venue = await PublicVenue.connect(await Endpoints.from_twin(str(place.stack.twin_control_url)))
        try:
            trades = [one for wallet in wallets for one in await venue.whale_trades(wallet, since=start - BEFORE)]
        finally:
            await venue.close()
        await quieten(place, [one for one in map(_told, trades) if one.at >= start])
        decided = {row["trade_key"] for row in await rows(place.engine, "SELECT trade_key FROM consumed_trades")}
        # what happened before the window is read from the history, but nobody has to decide about it
        told = [one for one in map(_told, trades) if one.at >= start or one.key in decided]
        found = await gather(place, told)
        out.broken = [*violations(found, CAPS), *unheard_sales(found, within=HEARD_WITHIN)]
        out.told, out.consumed = len(told), len(found.consumed)
        out.decisions = dict(Counter(one["reason"] or one["outcome"] for one in found.decisions))
        placed = {order["id"] for order in found.theirs["orders"]}
        purposes = Counter(one["purpose"] for one in found.orders if one["digest"] in placed)
        out.entries, out.exits = purposes["entry"], purposes["exit"]
        out.sales = sum(one["outcome"] == "exit" for one in found.decisions)
        out.positions = dict(Counter(one["exit_reason"] or one["state"] for one in found.positions))
    out.seconds = time.monotonic() - began
    return out


def _told(trade: WhaleTrade) -> Told:
    return Told(trade.key, trade.whale, trade.token_id, trade.side.value, trade.happened_at, trade.condition_id)
