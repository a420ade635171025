"""Whales' trades seen by three sources at once, while messages are lost and the chain reorganises itself.

Not a measurement of speed alone: it fails unless every trade was handed over exactly once.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from random import Random

from prometheus_client import CollectorRegistry

from bench.numbers import Row
from bench.place import Place, bench_place
from remora.detection.outlet import Crossing, MarketChange, OrderChange
from remora.detection.pace import Pace
from remora.detection.watch import Watch
from remora.domain.clock import VenueClock
from remora.domain.limits import Limits
from remora.domain.trades import Signal
from remora.storage.sightings import SourceLag, source_lags
from remora.telemetry.logs import configure_logging
from remora.telemetry.metrics import Metrics
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue

TRADES, WHALES, MARKETS = 150, 8, 6
PAUSE_S = 0.2
SETTLE_S, PATIENCE_S = 4.0, 90.0
LOST, REPEATED = 0.2, 0.2
"""Shares of the stream's messages and of the chain's pushed logs."""

REORG_EVERY, REORG_DEPTH = 15, 2
KEY_PARTS = 5
"""A late part of a sale has a number behind the five parts of its trade's key."""


class Kept:
    """An outlet that counts how often each trade was handed over."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Count a signal's trades."""
        self.times.update(key for key in signal.trade_keys if key.count(":") == KEY_PARTS - 1)
        return True

    async def price_crossed(self, crossing: Crossing) -> None:
        """Nothing is held here."""

    async def order_changed(self, change: OrderChange) -> None:
        """Nothing is ordered here."""

    async def market_changed(self, change: MarketChange) -> None:
        """Nothing is held here."""

    async def desk_should_look(self, cause: str, seen_at: datetime) -> None:
        """There is no desk here."""

    def transactions(self) -> set[str]:
        """Return the transactions that were handed over."""
        return {key.split(":")[1] for key in self.times}


async def measure() -> list[Row]:
    """Play trades under faults; return each source's lag and misses; fail unless each came exactly once."""
    configure_logging(as_json=False, level="ERROR")
    async with bench_place(markets=MARKETS, whales=WHALES, with_engine=False) as place:
        endpoints = await Endpoints.from_twin(str(place.stack.twin_control_url))
        venue = await PolymarketVenue.create(endpoints, private_key=place.stack.account_key, random=Random(1))  # noqa: S311
        kept, began = Kept(), datetime.now(UTC)
        watch = Watch(
            venue,
            place.engine,
            kept,
            limits=Limits(),
            metrics=Metrics(CollectorRegistry()),
            now=lambda: datetime.now(UTC),
            pace=Pace(activity_every=5.0),
        )
        stop = asyncio.Event()
        running = asyncio.create_task(watch.run(stop))
        await asyncio.sleep(SETTLE_S)
        made = await _play(place, Random(3))  # noqa: S311
        lags = await _until_all_seen(place, kept, made, began)
        stop.set()
        await running
        await venue.close()
    often = set(kept.times.values())
    assert often == {1}, f"expected every trade to be handed over once, found {often}"
    assert kept.transactions() == made, f"expected {len(made)} trades, found {len(kept.transactions())}"
    return [row for lag in lags for row in _rows(lag, len(made))] + [
        _count("all three", "handed over exactly once", len(made)),
    ]


async def _play(place: Place, random: Random) -> set[str]:
    """Let whales trade while everything goes wrong; return the transactions."""
    await _post(place, "/faults", kind="ws_drop", rate=LOST, on="rtds")
    await _post(place, "/faults", kind="ws_duplicate", rate=REPEATED, on="rtds")
    await _post(place, "/chain/faults", seed=7, drop_logs=LOST, repeat_logs=REPEATED)
    made: set[str] = set()
    for number in range(TRADES):
        body = {
            "wallet": f"0x{random.randint(1, WHALES):040x}",
            "token_id": random.choice(list(place.conditions)),
            "side": random.choice(["BUY", "SELL"]),
            "price": "0.51",
            "size": str(random.randint(10, 900)),
            "maker": random.random() < 0.3,
        }
        answer = await place.control.post("/trades", json=body)
        made.add(str(answer.raise_for_status().json()["transaction_hash"]))
        if number % REORG_EVERY == REORG_EVERY // 2:
            await _post(place, "/chain/reorg", depth=REORG_DEPTH)
        if number in (TRADES // 3, 2 * TRADES // 3):
            await _post(place, "/chain/disconnect")
        await asyncio.sleep(PAUSE_S)
    return made


async def _until_all_seen(place: Place, kept: Kept, made: set[str], began: datetime) -> list[SourceLag]:
    """Wait until every trade was handed over and the back-stop has told of each."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            lags = await source_lags(place.engine, since=began)
            complete = any(lag.source == "data_api" and lag.trades >= len(made) for lag in lags)
            if complete and made <= kept.transactions():
                return lags
            await asyncio.sleep(0.5)


async def _post(place: Place, path: str, **body: object) -> None:
    (await place.control.post(path, json=body)).raise_for_status()


def _rows(lag: SourceLag, made: int) -> list[Row]:
    rows = [
        _count(lag.source, "told of", lag.trades),
        _count(lag.source, "told first", lag.first),
        _count(lag.source, "missed", made - lag.trades),
        Row(lag.source, "behind the trade's own time", lag.trades, lag.lag_ms_p50, lag.lag_ms_p99, "ms"),
    ]
    if lag.behind_ms_p50 is not None and lag.behind_ms_p99 is not None:
        later = lag.trades - lag.first
        rows.append(Row(lag.source, "behind the first source", later, lag.behind_ms_p50, lag.behind_ms_p99, "ms"))
    return rows


def _count(where: str, what: str, number: int) -> Row:
    return Row(where, what, number, float(number), float(number), "trades")
