"""Tell people what they should hear of, beside trading and never in its way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.alerts import message_of
from remora.domain.ids import AccountId
from remora.ending import end
from remora.settings import Settings, SettingsError
from remora.storage import alerts
from remora.storage.alert_causes import causes
from remora.telemetry.alerts import Heartbeat, Notifier, TargetInvalid, addresses

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=10)
BEAT_EVERY = timedelta(seconds=60)
MESSAGES_PER_HOUR = 30
"""Alerts beyond it wait and are told together."""

PAUSE_MAX = timedelta(minutes=10)
"""Longest wait before a target that is down is offered the alerts again."""


@dataclass(slots=True)
class Alerting:
    """One account's alerts: `look` finds and sends; what is not taken waits in the database, a day at most."""

    engine: AsyncEngine
    account: AccountId
    notifier: Notifier
    now: Callable[[], datetime]
    quiet_for: timedelta
    retry_at: datetime | None = None
    failures: int = 0

    async def look(self) -> int:
        """Raise what is new, offer what waits in one message; return how many alerts were taken."""
        now = self.now()
        found = await causes(self.engine, self.account, now=now, quiet_for=self.quiet_for)
        await alerts.raise_alerts(self.engine, self.account, found, now=now)
        if self.retry_at is not None and now < self.retry_at:
            return 0
        async with alerts.sending(self.engine, self.account) as alone:
            return await self._send(now) if alone else 0

    async def _send(self, now: datetime) -> int:
        waiting = await alerts.waiting(self.engine, self.account, now=now)
        sent = await alerts.messages_since(self.engine, self.account, now - timedelta(hours=1))
        if not waiting or sent >= MESSAGES_PER_HOUR:
            return 0
        keys = [alert.key for alert in waiting]
        deliveries = await self.notifier.send(*message_of(waiting))
        if any(delivery.taken for delivery in deliveries):
            self.retry_at, self.failures = None, 0
            await alerts.mark_sent(self.engine, self.account, keys, now=now)
            return len(keys)
        await alerts.mark_tried(self.engine, self.account, keys)
        self.failures += 1
        self.retry_at = now + min(LOOK_EVERY * 2**self.failures, PAUSE_MAX)
        return 0


def notifier_of(settings: Settings) -> Notifier | None:
    """Return the targets of the settings, None without any; raise SettingsError for one that is none."""
    targets = addresses(settings.alert_urls)
    try:
        return Notifier(targets) if targets else None
    except TargetInvalid as error:
        raise SettingsError(str(error)) from None


@contextlib.asynccontextmanager
async def alerting(
    engine: AsyncEngine,
    account: AccountId,
    settings: Settings,
    *,
    now: Callable[[], datetime],
    look_every: timedelta = LOOK_EVERY,
) -> AsyncIterator[None]:
    """Look for alerts and beat the heart while the block runs; without targets, do nothing."""
    notifier = notifier_of(settings)
    url = settings.heartbeat_url
    heartbeat = None if url is None else Heartbeat(url.get_secret_value())
    if notifier is None and heartbeat is None:
        yield
        return
    quiet_for = timedelta(hours=float(settings.alert_quiet_h))
    watch = Alerting(engine, account, notifier or Notifier([]), now, quiet_for)
    task = asyncio.create_task(_run(watch, heartbeat, look_every), name="alerts")
    try:
        yield
    finally:
        await end(task)


async def _run(watch: Alerting, heartbeat: Heartbeat | None, look_every: timedelta) -> None:
    loop = asyncio.get_running_loop()
    next_beat, failing = loop.time(), False
    while True:
        try:
            await watch.look()
            failing = False
        except Exception as error:  # noqa: BLE001 whatever is down, trading goes on
            if not failing:
                log.warning("alerts.unread", cause=f"{type(error).__name__}: {error}")
            failing = True
        # a process that cannot read its own books does not count as alive
        if heartbeat is not None and not failing and loop.time() >= next_beat:
            next_beat = loop.time() + BEAT_EVERY.total_seconds()
            await heartbeat.beat()
        await asyncio.sleep(look_every.total_seconds())
