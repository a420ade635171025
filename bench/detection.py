"""From a log or message arriving to the workflow's start, by source, with the whole venue trading."""

import asyncio
import dataclasses
import resource
import sys
from datetime import UTC, datetime, timedelta
from random import Random

from opentelemetry import trace
from prometheus_client import CollectorRegistry
from temporalio.client import Client

from bench.numbers import Row, percentiles
from bench.place import Place, bench_place
from remora.detection.pace import Pace
from remora.detection.watch import Watch
from remora.domain.clock import VenueClock
from remora.domain.limits import Limits
from remora.domain.trades import Signal, TradeSource
from remora.storage.sightings import source_lags
from remora.telemetry.metrics import Metrics
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from starters.client import connect
from workers.temporal_outlet import TemporalOutlet

LOGS_PER_S = 70.0
LOGS_PER_TRADE = 2
"""A maker's order and the taker's own."""

SECONDS = 30.0
SETTLE_S = 8.0
WHALES, MARKETS = 200, 20
NOWHERE = "ws://127.0.0.1:9"
"""Where a source that is not measured would be."""

NEVER = 1e6


class TimedOutlet(TemporalOutlet):
    """Starts workflows as the product does, and keeps how long after the first byte each start was answered."""

    def __init__(self, client: Client, place: Place) -> None:
        super().__init__(client, place.account, mode="twin", tracer=trace.get_tracer("bench"))
        self.milliseconds: list[float] = []

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Start, and note the time."""
        done = await super().whale_traded(signal, clock)
        self.milliseconds.append((datetime.now(UTC) - signal.seen_at).total_seconds() * 1000)
        return done


async def measure() -> list[Row]:
    """Return for each source alone, and for all three, the time to the workflow's start and the CPU it took."""
    rows: list[Row] = []
    alone: list[tuple[TradeSource, ...]] = [(TradeSource.RTDS,), (TradeSource.CHAIN,), (TradeSource.DATA_API,)]
    for sources in [*alone, tuple(source for (source,) in alone)]:
        async with bench_place(markets=MARKETS, whales=WHALES, with_engine=False) as place:
            rows += await _watched(place, sources)
    return rows


async def _watched(place: Place, sources: tuple[TradeSource, ...]) -> list[Row]:
    name = "+".join(source.value for source in sources)
    endpoints = await Endpoints.from_twin(str(place.stack.twin_control_url))
    endpoints = dataclasses.replace(
        endpoints,
        rtds_ws_url=endpoints.rtds_ws_url if TradeSource.RTDS in sources else NOWHERE,
        rpc_ws_urls=endpoints.rpc_ws_urls if TradeSource.CHAIN in sources else (),
    )
    venue = await PolymarketVenue.create(endpoints, private_key=place.stack.account_key, random=Random(1))  # noqa: S311
    outlet = TimedOutlet(await connect(place.stack.temporal_address, namespace="default"), place)
    watch = Watch(
        venue,
        place.engine,
        outlet,
        limits=Limits(),
        metrics=Metrics(CollectorRegistry()),
        now=lambda: datetime.now(UTC),
        pace=Pace(activity_every=15.0 if TradeSource.DATA_API in sources else NEVER),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    await asyncio.sleep(SETTLE_S)
    began, cpu = datetime.now(UTC), _cpu_seconds()
    await _load(place)
    await asyncio.sleep(SETTLE_S)
    wall, used = (datetime.now(UTC) - began) / timedelta(seconds=1), _cpu_seconds() - cpu
    stop.set()
    await running
    await venue.close()
    p50, p99 = percentiles(outlet.milliseconds)
    rows = [Row(name, "first byte to workflow started", len(outlet.milliseconds), p50, p99, "ms")]
    rows.append(Row(name, "CPU of the watcher", 1, 100 * used / wall, 100 * used / wall, "% of a core"))
    if len(sources) > 1:
        rows += [
            Row(
                name,
                f"{lag.source}: behind the first",
                lag.trades,
                lag.behind_ms_p50,
                lag.behind_ms_p99,
                "ms",
            )
            for lag in await source_lags(place.engine, since=began)
            if lag.behind_ms_p50 is not None and lag.behind_ms_p99 is not None
        ]
    return rows


async def _load(place: Place) -> None:
    load = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.venue_load", str(place.stack.twin_control_url)),
        *(str(LOGS_PER_S / LOGS_PER_TRADE), str(SECONDS), str(WHALES), *place.conditions),
    )
    assert await load.wait() == 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
