"""Alerts reach a real service once, wait while it is down, and never carry a secret into a log."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.alerts import Alert, AlertKind, message_of
from remora.domain.ids import AccountId
from remora.domain.reasons import DeskMode
from remora.storage.alerts import raise_alerts, waiting
from remora.storage.desk import ensure_desk, set_desk_mode
from remora.storage.feeds import write_feeds
from remora.storage.tables import Desk
from remora.telemetry.alerts import Heartbeat, Notifier, TargetInvalid
from workers.alerting import MESSAGES_PER_HOUR, Alerting

ACCOUNT = AccountId("0x" + "aa" * 20)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Service:
    """A web service that takes messages, or has none of it."""

    port: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    status: int = 200
    slow_s: float = 0.0

    @property
    def url(self) -> str:
        return f"json://user:hunter2secret@127.0.0.1:{self.port}/hook"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
        await asyncio.sleep(self.slow_s)
        self.requests.append(head.split("\r\n", 1)[0])
        if body and self.status == 200:
            self.messages.append(json.loads(body))
        writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def served() -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with served() as made:
        yield made


@dataclass
class Clock:
    """Hands that a test moves."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


async def watch(engine: AsyncEngine, service: Service, clock: Clock) -> Alerting:
    await ensure_desk(engine, ACCOUNT, venue_mode="twin", cash=Decimal(10000), now=NOW, now_venue=NOW)
    return Alerting(engine, ACCOUNT, Notifier([service.url]), clock.now, timedelta(hours=6))


async def test_a_breaker_is_told_once_whoever_looks(engine: AsyncEngine, service: Service) -> None:
    clock = Clock()
    first, second = await watch(engine, service, clock), await watch(engine, service, clock)
    await first.look()
    service.messages.clear()
    await set_desk_mode(engine, ACCOUNT, mode=DeskMode.PAUSED, by="ann", reason="lunch", now=NOW)
    async with engine.begin() as connection:
        from remora.storage.desk import audit

        await audit(connection, ACCOUNT, by="limits", action="halt", reason="daily_loss: lost 600", now=NOW)
    for _ in range(3):
        await first.look()
        await second.look()

    (message,) = service.messages
    assert message["title"] == "Remora: The desk halted: no entries until remora reset"
    assert message["message"] == "daily_loss: lost 600"


async def test_a_silent_stream_a_quiet_desk_and_a_new_day_are_told(engine: AsyncEngine, service: Service) -> None:
    clock = Clock()
    watched = await watch(engine, service, clock)
    await write_feeds(engine, ACCOUNT, {"rtds": NOW, "market": NOW}, now=NOW, now_venue=NOW)
    assert await watched.look() == 1
    assert "Summary as 2026-11-24 begins" in service.messages[0]["title"]

    clock.at += timedelta(hours=7)
    await write_feeds(engine, ACCOUNT, {"market": clock.at}, now=clock.at, now_venue=clock.at)
    assert await watched.look() == 2
    assert "The stream rtds is silent" in service.messages[1]["message"]
    assert "No decision for 6 hours" in service.messages[1]["message"]

    async with engine.begin() as connection:
        await connection.execute(update(Desk).values(day=(NOW + timedelta(days=1)).date()))
    assert await watched.look() == 1
    assert "Summary as 2026-11-25 begins" in service.messages[2]["title"]
    assert await watched.look() == 0


async def test_a_target_that_is_down_costs_one_warning_and_gets_everything_later(
    engine: AsyncEngine, service: Service
) -> None:
    clock = Clock()
    watched = await watch(engine, service, clock)
    service.status = 503
    with structlog.testing.capture_logs() as logs:
        for _ in range(20):
            await watched.look()
            clock.at += timedelta(seconds=10)
    tried = len(service.requests)
    service.status = 200
    clock.at += timedelta(minutes=10)
    taken = await watched.look()

    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["alerts.target_down"]
    assert "hunter2secret" not in json.dumps(logs, default=str)
    assert tried < 8
    assert taken == 1
    assert await waiting(engine, ACCOUNT, now=clock.at) == []


async def test_a_flood_is_one_message_and_an_hour_has_a_bound(engine: AsyncEngine, service: Service) -> None:
    clock = Clock()
    watched = await watch(engine, service, clock)
    flood = [Alert(key=f"k{n}", kind=AlertKind.RECONCILE, title=f"difference {n}") for n in range(90)]
    await raise_alerts(engine, ACCOUNT, flood, now=NOW)
    assert await watched.look() == 91
    assert len(service.messages) == 1

    for number in range(2 * MESSAGES_PER_HOUR):
        clock.at += timedelta(seconds=1)
        more = [Alert(key=f"m{number}", kind=AlertKind.RECONCILE, title=f"more {number}")]
        await raise_alerts(engine, ACCOUNT, more, now=clock.at)
        await watched.look()
    assert len(service.messages) == MESSAGES_PER_HOUR
    assert len(await waiting(engine, ACCOUNT, now=clock.at + timedelta(days=2))) == 0


async def test_the_heart_beats_while_somebody_listens(service: Service) -> None:
    heartbeat = Heartbeat(f"http://127.0.0.1:{service.port}/ping")
    assert await heartbeat.beat()
    service.status = 500
    with structlog.testing.capture_logs() as logs:
        assert not await heartbeat.beat()
        assert not await heartbeat.beat()

    assert service.requests[0] == "GET /ping HTTP/1.1"
    assert [entry["event"] for entry in logs] == ["heartbeat.unheard"]


def test_an_address_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(TargetInvalid) as refused:
        Notifier(["nonsense-with-a-secret"])

    assert "nonsense" not in str(refused.value)


def test_many_alerts_are_one_message_with_a_count() -> None:
    many = [Alert(key=str(n), kind=AlertKind.RECONCILE, title=f"t{n}", body="b") for n in range(20)]
    title, body = message_of(many)

    assert title == "Remora: 20 alerts"
    assert body.splitlines()[-1] == "- and 5 more"
