"""Every kind of alert arises from what really happened and reaches a real service, by the worker's own loop."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from sqlalchemy import text

from activities.tools import Patience
from remora.domain.reasons import DeskMode
from remora.settings import Settings, load_settings
from remora.storage.desk import load_desk
from schemas.desk import LookAgain, desk_workflow_id
from tests.fixtures.desk import WHALES, Desk, running_desk
from tests.fixtures.waiting import until
from tests.telemetry.test_alerts import Service, served
from workers import watcher
from workers.alerting import alerting
from workflows.desk import DeskWorkflow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy.ext.asyncio import AsyncEngine
    from temporalio.client import Client

    from tests.fixtures.twin import RunningTwin, TwinMarket

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SOON = Patience(look_pause=timedelta(milliseconds=20), looks=6, resend_after=2, sends_max=2)
"""Gives up looking after a fraction of a second."""

QUICK = timedelta(milliseconds=50)
MILLION = 1_000_000


@dataclass
class Clock:
    """A wall clock that a test puts forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
async def desk(temporal_client: "Client", engine: "AsyncEngine", twin: "RunningTwin") -> "AsyncIterator[Desk]":
    """Give a desk that a loss of five dollars halts."""
    async with running_desk(temporal_client, engine, twin, max_daily_loss_usd=Decimal(5)) as made:
        yield made


def settings(monkeypatch: pytest.MonkeyPatch, service: Service) -> Settings:
    """Return the settings of somebody who set an alert target and a heartbeat."""
    monkeypatch.setenv("REMORA_ALERT_URLS", service.url)
    monkeypatch.setenv("REMORA_HEARTBEAT_URL", f"http://127.0.0.1:{service.port}/ping")
    return load_settings()


def told(service: Service) -> str:
    """Return everything that the service was told, one alert a line."""
    return "\n".join(f"{message['title']}: {message['message']}" for message in service.messages)


async def hears(service: Service, words: str) -> str:
    """Return all that was told once `words` are among it."""

    async def heard() -> str:
        return told(service)

    found: str = await until(heard, lambda said: words in said)
    return found


async def doubtful_order(desk: Desk, market: "TwinMarket") -> None:
    """Send an order whose fate the exchange does not tell."""
    await desk.twin.post("/faults", kind="server_error")
    await desk.position(await desk.buy(market, whale=WHALES[0]), "needs_attention")
    (await desk.twin.control.delete("/faults")).raise_for_status()


async def failed_settlement(desk: Desk, market: "TwinMarket") -> None:
    """Buy what the chain then undoes."""
    await desk.twin.post("/faults", kind="settle_failed")
    name = await desk.buy(market, whale=WHALES[1])
    await desk.handle(name).result()
    (await desk.twin.control.delete("/faults")).raise_for_status()


async def unexplained_money(desk: Desk) -> None:
    """Take dollars away behind our back, and compare."""
    from tests.fixtures.twin import OTHER_KEY, OUR_KEY, address_of

    ours, theirs = (address_of(key).lower() for key in (OUR_KEY, OTHER_KEY))
    desk.twin.twin.exchange.move_dollars(ours, theirs, 3 * MILLION)
    await desk.reconcile()


async def tripped_breaker(desk: Desk, market: "TwinMarket") -> None:
    """Hold something while its market falls, and let the desk look."""
    await desk.position(await desk.buy(market, whale=WHALES[2]))
    await desk.twin.post("/quotes", token_id=market.yes, bid="0.30", ask="0.31", size="50000")
    account = desk.venue.account
    handle = desk.client.get_workflow_handle(desk_workflow_id(account))
    await handle.signal(DeskWorkflow.look_again, LookAgain(cause="a test", seen_at=datetime.now(UTC)))
    await until(lambda: load_desk(desk.engine, account), lambda row: row.mode is DeskMode.HALTED)


async def silenced_stream(desk: Desk, chosen: Settings) -> None:
    """Run a watcher until it has written what its streams say, and end it."""
    from remora.storage.feeds import load_feeds

    stop = asyncio.Event()
    watching = asyncio.create_task(watcher.run(desk.client, desk.venue, desk.engine, chosen, stop))
    await until(lambda: load_feeds(desk.engine, desk.venue.account), bool)
    stop.set()
    await watching


async def test_each_kind_fires_once_and_reaches_a_service(
    desk: Desk, twin_market: "TwinMarket", monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    async with served() as service, desk.worker(patience=SOON):
        chosen = settings(monkeypatch, service)
        async with alerting(desk.engine, desk.venue.account, chosen, now=clock.now, look_every=QUICK):
            await hears(service, "Summary as")
            # totals are compared only while no order is in doubt
            await unexplained_money(desk)
            await hears(service, "Books and exchange differ: cash_lower")
            await doubtful_order(desk, twin_market)
            await hears(service, "needs attention: purchase 0x")
            await failed_settlement(desk, twin_market)
            await hears(service, "A settlement failed: Will the fixture hold?")
            await tripped_breaker(desk, twin_market)
            await hears(service, "The desk halted: no entries until remora reset: daily_loss: lost")
            await silenced_stream(desk, chosen)
            clock.ahead = timedelta(seconds=70)
            await hears(service, "The stream market is silent")
            clock.ahead = timedelta(hours=7)
            said = await hears(service, "No decision for 6 hours")
            pings = service.requests.count("GET /ping HTTP/1.1")

    assert said.count("needs attention: ") == 1
    assert said.count("A settlement failed") == 1
    assert said.count("Books and exchange differ: cash_lower") == 1
    assert said.count("The desk halted") == 1
    assert said.count("The stream market is silent") == 1
    assert said.count("No decision") == 1
    assert said.count("Summary as") == 1
    assert pings >= 1
    assert "hunter2secret" not in said


async def test_two_workers_tell_a_breaker_once(
    desk: Desk, twin_market: "TwinMarket", monkeypatch: pytest.MonkeyPatch
) -> None:
    loop: dict[str, Any] = {"now": Clock().now, "look_every": timedelta(milliseconds=5)}
    async with served() as service, desk.worker():
        # while one worker's message is on its way, the other looks many times
        service.slow_s = 0.2
        chosen = settings(monkeypatch, service)
        account = desk.venue.account
        async with (
            alerting(desk.engine, account, chosen, **loop),
            alerting(desk.engine, account, chosen, **loop),
        ):
            await hears(service, "Summary as")
            await tripped_breaker(desk, twin_market)
            said = await hears(service, "The desk halted")
    assert said.count("The desk halted") == 1
    assert said.count("Summary as") == 1


async def looks(service: Service) -> int:
    """Return how many requests arrived."""
    return len(service.requests)


async def test_trading_goes_on_while_nobody_takes_the_alerts(
    desk: Desk, twin_market: "TwinMarket", monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served() as service, desk.worker():
        service.status = 503
        chosen = settings(monkeypatch, service)
        async with alerting(desk.engine, desk.venue.account, chosen, now=Clock().now, look_every=QUICK):
            await until(lambda: looks(service), lambda count: count > 0)
            name = await desk.buy(twin_market)
            await desk.position(name)
            service.status = 200
            await desk.handle(name).cancel()
            closed = await desk.position(name, "closed")

    assert closed.exit_reason == "cancelled"


async def test_the_heart_stops_while_the_books_cannot_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as service:
        chosen = settings(monkeypatch, service)

        def loop() -> "AbstractAsyncContextManager[None]":
            return alerting(desk.engine, desk.venue.account, chosen, now=Clock().now, look_every=QUICK)

        with structlog.testing.capture_logs() as logs:

            async def events() -> list[str]:
                return [entry["event"] for entry in logs]

            await rename(desk, "desk_audit", "gone")
            async with loop():
                await until(events, lambda seen: "alerts.unread" in seen)
            await rename(desk, "gone", "desk_audit")
        silent = list(service.requests)
        async with loop():
            await until(lambda: looks(service), lambda count: count > 1)

    assert silent == []
    assert "GET /ping HTTP/1.1" in service.requests


async def rename(desk: Desk, table: str, name: str) -> None:
    """Give a table another name."""
    async with desk.engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))
