"""Deliveries in order per key, at once between keys, tried until they arrive."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from remora.detection.outlet import Unreachable
from remora.detection.pace import Pace
from remora.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

BACKOFF_MIN, BACKOFF_MAX = 0.05, 5.0
ATTEMPTS_REFUSED = 3
"""Attempts at a delivery that fails for another reason than an unreachable receiver."""


class Kind(StrEnum):
    """What is delivered: exits have capacity of their own, so that entries cannot hold them up."""

    ENTRY = "entry"
    EXIT = "exit"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Something to hand over. `refused` hears the cause when it can never be handed over."""

    key: str
    kind: Kind
    act: Callable[[], Awaitable[None]]
    refused: Callable[[str], None] | None = None


class Lanes:
    """One queue per key. A delivery is retried for ever while its receiver is unreachable."""

    def __init__(self, pace: Pace, metrics: Metrics) -> None:
        self._most = pace.waiting_max
        self._metrics = metrics
        self._queues: dict[str, deque[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = dict.fromkeys(Kind, 0)
        for kind in Kind:
            metrics.announce(kind.value)
        self._slots = {
            Kind.ENTRY: asyncio.Semaphore(pace.entries_at_once),
            Kind.EXIT: asyncio.Semaphore(pace.exits_at_once),
            Kind.RECORD: asyncio.Semaphore(pace.records_at_once),
        }

    @property
    def waiting(self) -> int:
        """How many deliveries have not been made."""
        return sum(self._waiting.values())

    @property
    def roomy(self) -> bool:
        """Whether fewer than the allowed number of deliveries wait: without room no purchase is taken in."""
        return self.waiting < self._most

    def push(self, delivery: Delivery) -> None:
        """Queue a delivery behind the earlier ones of its key."""
        self._count(delivery.kind, 1)
        queue = self._queues.get(delivery.key)
        if queue is not None:
            queue.append(delivery)
            return
        self._queues[delivery.key] = deque([delivery])
        task = asyncio.create_task(self._serve(delivery.key), name=f"deliver {delivery.key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, wait: float) -> int:
        """Give what waits `wait` seconds, then stop; return how many deliveries were not made."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=wait)
        left = self.waiting
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return left

    async def _serve(self, key: str) -> None:
        queue = self._queues[key]
        try:
            while queue:
                await self._deliver(queue[0])
                self._count(queue.popleft().kind, -1)
        finally:
            del self._queues[key]

    async def _deliver(self, delivery: Delivery) -> None:
        pause, refusals = BACKOFF_MIN, 0
        while True:
            try:
                async with self._slots[delivery.kind]:
                    return await delivery.act()
            except Unreachable as error:
                log.warning("delivery.unreachable", key=delivery.key, kind=delivery.kind, cause=str(error))
            except Exception as error:  # a delivery that cannot succeed must not hold up its lane for ever
                refusals += 1
                log.exception("delivery.failed", key=delivery.key, kind=delivery.kind, attempt=refusals)
                if refusals >= ATTEMPTS_REFUSED:
                    return self._give_up(delivery, error)
            self._metrics.retries.labels(delivery.kind).inc()
            await asyncio.sleep(pause)
            pause = min(2 * pause, BACKOFF_MAX)

    def _give_up(self, delivery: Delivery, error: Exception) -> None:
        self._metrics.undelivered.labels(delivery.kind).inc()
        if delivery.refused is not None:
            delivery.refused(f"{type(error).__name__}: {error}")

    def _count(self, kind: Kind, change: int) -> None:
        self._waiting[kind] += change
        self._metrics.waiting.labels(kind).set(self._waiting[kind])
