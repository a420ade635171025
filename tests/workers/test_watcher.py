"""From a print on the twin's stream to a filled position, in one trace, on real servers."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.tools import Tools
from remora.domain.ids import TokenId, WalletAddress
from remora.settings import Settings
from remora.storage.desk import ensure_desk
from remora.storage.positions import list_positions
from remora.storage.roster import Follow, publish_roster
from remora.telemetry.metrics import Metrics
from remora.telemetry.tracing import Tracing
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket
from workers.trading import trading_worker
from workers.watcher import run

pytestmark = pytest.mark.system

WHALE = WalletAddress("0x" + "5e" * 20)


def ancestors(spans: dict[int, ReadableSpan], span: ReadableSpan) -> list[str]:
    """Return the names from a span up to its root."""
    names = [span.name]
    while span.parent is not None and span.parent.span_id in spans:
        span = spans[span.parent.span_id]
        names.append(span.name)
    return names


async def test_one_trace_runs_from_detection_to_the_posted_order(
    temporal_client: Client, engine: AsyncEngine, twin: RunningTwin, twin_market: TwinMarket
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = Tracing(provider)
    config = temporal_client.config()
    config["interceptors"] = tracing.interceptors()
    client = Client(**config)
    tracing.instrument_httpx()
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    now, clock = datetime.now(UTC), await venue.clock()
    await ensure_desk(
        engine, venue.account, venue_mode="twin", cash=await venue.cash(), now=now, now_venue=clock.venue_time(now)
    )
    await publish_roster(
        engine,
        [Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False)],
        as_of=now,
        published_at=now,
        params={},
    )
    book = await venue.book(TokenId(twin_market.yes))
    settings = Settings(REMORA_VOLUME_24H_MIN_USD=0, REMORA_SPREAD_MAX=1)  # type: ignore[call-arg]
    tools = Tools(venue=venue, engine=engine, limits=settings.limits(), wall=lambda: datetime.now(UTC))
    stop = asyncio.Event()
    try:
        async with trading_worker(client, tools):
            watching = asyncio.create_task(
                run(
                    client,
                    venue,
                    engine,
                    settings,
                    stop,
                    metrics=Metrics(CollectorRegistry()),
                    tracer=tracing.tracer,
                )
            )
            async with asyncio.timeout(60):
                while "rtds" not in venue.last_message_at():  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                for _ in range(3):
                    await twin.post(
                        "/trades",
                        wallet=WHALE,
                        token_id=twin_market.yes,
                        side="BUY",
                        price=str(book.best_ask),
                        size="500",
                        transaction_hash="0x" + "7" * 64,
                    )
                while not (held := await list_positions(engine, venue.account)) or held[0].books.shares == 0:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            stop.set()
            await watching
    finally:
        HTTPXClientInstrumentor().uninstrument()
        await venue.close()
    spans = {s.context.span_id: s for s in exporter.get_finished_spans() if s.context is not None}
    posts = [
        ancestors(spans, s)
        for s in spans.values()
        if s.name == "POST" and str((s.attributes or {}).get("url.full", "")).endswith("/order")
    ]

    assert len(held) == 1
    assert len(posts) == 1
    chain = posts[0]
    assert chain[-1] == "whale.traded"
    assert chain[-2] == "StartWorkflow:PositionWorkflow"
    assert "RunActivity:enter" in chain
