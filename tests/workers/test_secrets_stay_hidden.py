"""A full run with known secrets, then a search for every one of them wherever the run left anything behind."""

import asyncio
import base64
import contextlib
import io
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from remora.cli.main import run as remora
from remora.domain.ids import TokenId, WalletAddress
from remora.domain.reasons import PositionState
from remora.settings import Settings, load_settings
from remora.storage.positions import list_positions
from remora.storage.roster import Follow, publish_roster
from remora.telemetry.logs import REDACTOR, configure_logging
from remora.telemetry.tracing import Tracing
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.venue import PolymarketVenue
from remora.venues.venue import VenueError
from tests.fixtures.twin import OUR_KEY, RunningTwin, TwinMarket, address_of
from workers.trading import serve

pytestmark = pytest.mark.system

WHALE = WalletAddress("0x" + "aa" * 20)
PASSWORD = "hidden-word-of-the-database-7391"
NODE_KEY, PUSHING_KEY = "hidden-key-of-the-node-5520", "hidden-key-of-the-pushing-node-5521"
BY_HAND = {
    "RELAYER_API_KEY": "hidden-key-of-the-relayer-8826",
    "POLYMARKET_BUILDER_API_KEY": "a-builder-key",
    "POLYMARKET_BUILDER_SECRET": "aGlkZGVuLWJ1aWxkZXItNjYwMQ==",
    "POLYMARKET_BUILDER_PASSPHRASE": "hidden-phrase-of-the-builder-6602",
    "REMORA_ALERT_URLS": "json://127.0.0.1:9/hidden-target-of-alerts-4417",
    "REMORA_HEARTBEAT_URL": "http://127.0.0.1:9/hidden-heartbeat-4418",
}


@pytest.fixture
async def password_url(postgres_url: str) -> str:
    """Give the address of the test's database for a user with a password."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE ROLE secretive SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    await connection.close()
    return postgres_url.replace("postgres:@", f"secretive:{PASSWORD}@")


@pytest.fixture
async def without_role(postgres_url: str) -> AsyncIterator[None]:
    """Take the user away again."""
    yield
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DROP ROLE IF EXISTS secretive")
    await connection.close()


@pytest.fixture
def settings(
    without_role: None,
    password_url: str,
    temporal: WorkflowEnvironment,
    twin: RunningTwin,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.setenv("DATABASE_URL", password_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.client.service_client.config.target_host)
    monkeypatch.setenv("REMORA_TWIN_URL", twin.urls["control_url"])
    monkeypatch.setenv("PRIVATE_KEY", OUR_KEY)
    monkeypatch.setenv("REMORA_SPREAD_MAX", "1")
    monkeypatch.setenv("REMORA_RPC_URL", f"{twin.urls['rpc_url']}/v2/{NODE_KEY}")
    monkeypatch.setenv("REMORA_RPC_WS_URLS", f"{twin.urls['rpc_ws_url']}/?apikey={PUSHING_KEY}")
    for name, value in BY_HAND.items():
        monkeypatch.setenv(name, value)
    return load_settings(None)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Record every span of this process, those of HTTP requests included."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace._set_tracer_provider(provider, log=False)
    Tracing(provider).instrument_httpx()
    yield exporter
    HTTPXClientInstrumentor().uninstrument()


async def _secrets(twin: RunningTwin) -> dict[str, str]:
    """Return every secret of the run by name: given ones, and those that the venue gave."""
    venue = await PolymarketVenue.create(await Endpoints.from_twin(twin.urls["control_url"]), private_key=OUR_KEY)
    secret, passphrase = venue.secrets()
    await venue.close()
    return {
        "private key": OUR_KEY.removeprefix("0x"),
        "api secret": secret,
        "api secret, decoded": base64.urlsafe_b64decode(secret).hex(),
        "passphrase": passphrase,
        "database password": PASSWORD,
        "node's key": NODE_KEY,
        "pushing node's key": PUSHING_KEY,
        **{name: value for name, value in BY_HAND.items() if name != "POLYMARKET_BUILDER_API_KEY"},
    }


@contextlib.asynccontextmanager
async def _serving(settings: Settings, ready: Path) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(serve(settings, stop, ready_file=ready, with_watcher=True))
    try:
        while not await asyncio.to_thread(ready.exists):
            assert not running.done(), running.exception()
            await asyncio.sleep(0.05)
        yield
    finally:
        stop.set()
        await running


async def _trade(engine: AsyncEngine, settings: Settings, twin: RunningTwin, market: TwinMarket) -> None:
    """Let the whale buy until our copy is open, then resolve the market and wait for the end."""
    account = address_of(OUR_KEY).lower()
    for number in range(900):
        if number % 60 == 0 and number < 300:
            await twin.post("/trades", wallet=WHALE, token_id=market.yes, side="BUY", price=0.5, size=1000)
        rows = await list_positions(engine, account, include_ended=True)  # type: ignore[arg-type]
        if rows and rows[0].state is PositionState.OPEN:
            await twin.post("/trades", wallet=WHALE, token_id=market.yes, side="SELL", price=0.49, size=5000)
        if rows and rows[0].state is PositionState.CLOSED:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"expected a closed position, found {rows}")


async def _complaints(
    twin: RunningTwin, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Provoke errors that a user sees: refused credentials, dead servers and nodes, a wrong setting."""
    told = []
    endpoints = await Endpoints.from_twin(twin.urls["control_url"])
    venue = await PolymarketVenue.create(endpoints, private_key=OUR_KEY)
    await twin.post("/access", closed_only=[address_of(OUR_KEY)])
    for attempt in (venue.market_of(TokenId("5")), venue.redeem("0x" + "00" * 32)):  # type: ignore[arg-type]
        try:
            await attempt
        except VenueError as error:
            told.append(f"{error!r} {error.__cause__!r}")
    await venue.close()
    commands = (["doctor", "--json"], ["doctor", "alerts"], ["positions"], ["status"], ["live", "status"])
    for command in (*commands, ["approve", "--json"]):
        await asyncio.to_thread(remora, command)
    with monkeypatch.context() as broken:
        broken.setenv("REMORA_RPC_URL", f"http://127.0.0.1:9/v2/{NODE_KEY}")
        broken.setenv("REMORA_RPC_WS_URLS", f"ws://127.0.0.1:9/?apikey={PUSHING_KEY}")
        for command in (["doctor", "--json"], ["approve", "--json"]):
            await asyncio.to_thread(remora, command)
        broken.setenv("REMORA_RPC_URL", f"ftp://{NODE_KEY}")
        await asyncio.to_thread(remora, ["doctor"])
    printed = capsys.readouterr()
    return "\n".join([*told, printed.out, printed.err])


async def _histories(client: Client) -> str:
    found = []
    async for execution in client.list_workflows():
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        history = await handle.fetch_history()
        found.append(history.to_json())
        # payloads are base64 in JSON: read them as they are too
        found += [event.SerializeToString().decode("latin-1") for event in history.events]
    assert found, "no workflow ran"
    return "\n".join(found)


async def _database(url: str) -> str:
    connection = await asyncpg.connect(url)
    tables = [
        r["tablename"] for r in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
    ]
    rows = [str(dict(row)) for table in tables for row in await connection.fetch(f'SELECT * FROM "{table}"')]
    await connection.close()
    assert len(rows) > 20
    return "\n".join(rows)


async def test_no_secret_is_left_anywhere(
    settings: Settings,
    engine: AsyncEngine,
    postgres_url: str,
    temporal: WorkflowEnvironment,
    twin: RunningTwin,
    twin_market: TwinMarket,
    spans: InMemorySpanExporter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs = io.StringIO()
    configure_logging(as_json=True, level="DEBUG", secrets=settings.secrets(), stream=logs)
    now = datetime.now(UTC)
    follow = Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False)
    await publish_roster(engine, [follow], as_of=now, published_at=now, params={})

    async with _serving(settings, tmp_path / "ready"):
        await _trade(engine, settings, twin, twin_market)
        told = await _complaints(twin, monkeypatch, capsys)
    left = {
        "histories": await _histories(temporal.client),
        "database": await _database(postgres_url),
        "logs": logs.getvalue(),
        "traces": "\n".join(span.to_json() for span in spans.get_finished_spans()),
        "messages": told,
    }
    secrets = await _secrets(twin)

    # the search works: what is no secret is found in the very same places
    public = {
        "histories": address_of(OUR_KEY),
        "database": address_of(OUR_KEY),
        "traces": "url.full",
        "logs": WHALE,
    }
    assert all(text.lower() in left[place].lower() for place, text in public.items())
    assert all(len(text) > 500 for text in left.values()), {name: len(text) for name, text in left.items()}
    found = [
        (name, place)
        for place, text in left.items()
        for name, secret in secrets.items()
        if secret.lower() in text.lower()
    ]
    assert found == []


def test_the_search_would_find_a_secret_and_the_logs_hide_it() -> None:
    stream = io.StringIO()
    configure_logging(as_json=True, secrets=[OUR_KEY], stream=stream)
    REDACTOR.hide(["learnt-from-the-venue"])
    import structlog

    structlog.get_logger("x").warning("sent", text=f"{OUR_KEY} and learnt-from-the-venue", count=3)

    line = json.loads(stream.getvalue().splitlines()[-1])
    assert line["text"] == "[hidden] and [hidden]"
