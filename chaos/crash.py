"""The systematic crash test: the worker dies at every point of the order path, and everything adds up."""

import asyncio
import dataclasses
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.checks import violations
from chaos.crashing_worker import TODO, done_of
from chaos.evidence import gather
from chaos.life_kinds import ALONE, LIVES
from chaos.lives import SIGNAL_AGE_MAX_S, Lives
from chaos.place import Place, chaos_place, worker
from chaos.points import points
from chaos.quiet import NotQuiet, quieten
from chaos.run import CAPS
from schemas.message import ClockMessage

AT_ONCE, APART_S = 16, 0.7
"""A life that was struck waits until its workflow task times out: fresh ones are begun and struck meanwhile."""

BATCH = 80
"""Lives after which all is let come to rest and checked, fewer if there are fewer points."""

IDLE_BATCHES = 2
"""Batches without a new point after which those left count as not reached."""

MARKETS, WHALES = 60, 12
LIMITS = {
    "REMORA_ENTRY_ORDERS_PER_MINUTE": "10000",
    "REMORA_UNPROVEN_SHARE": "0.0005",
    # a life that was struck again and again is no younger for it, and must still go on to the next point
    "REMORA_SIGNAL_AGE_MAX_S": str(SIGNAL_AGE_MAX_S),
}
Say = Callable[[str], None]

DANGEROUS = (
    "activities.order_protocol._submit tools.venue.sign before",
    "activities.order_protocol._submit tools.venue.sign after",
    "activities.order_protocol._submit tools.venue.send before",
    "activities.order_protocol._submit tools.venue.send after",
    "activities.orders._sell_once orders.create_exit_intent after",
    "remora.storage.risk.decide_and_record engine.begin exit before",
    "remora.storage.risk.decide_and_record engine.begin exit after",
    "remora.storage.orders.attach_signed connection.scalar before",
    "remora.storage.orders.attach_signed connection.scalar after",
    "remora.storage.fills.record_fills engine.begin exit before",
    "remora.storage.fills.record_fills engine.begin exit after",
    "remora.venues.polymarket.trading.send self._http.post after",
)
"""Around the commits and the wire: the short form of the test."""


@dataclass(slots=True)
class CrashReport:
    """Points at which the worker died, those that no life reached, and what did not add up."""

    wanted: list[str]
    struck: list[str] = field(default_factory=list)
    lives: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        """Points of the list at which the worker never died."""
        return sorted(set(self.wanted) - set(self.struck))


def part_of(part: str) -> list[str]:
    """Return the points of a part such as "2/4": every fourth from the second on. ValueError if there is none."""
    number, _, count = part.partition("/")
    first, step = int(number), int(count)
    if not 1 <= first <= step:
        raise ValueError(f"part: expected one of 1/{step} to {step}/{step}, found {part}")
    return points()[first - 1 :: step]


async def crash_everywhere(
    wanted: Sequence[str] | None = None,
    *,
    kinds: Sequence[str] = tuple(LIVES),
    batch: int | None = None,
    logs: Path | None = None,
    say: Say = lambda _line: None,
) -> CrashReport:
    """Let the worker die once at each of `wanted` (all points by default), checking the books after each batch."""
    report, began = CrashReport(list(wanted or points())), time.monotonic()
    unknown = set(report.wanted) - set(points())
    assert not unknown, f"the order path has no such points: {sorted(unknown)}"
    with tempfile.TemporaryDirectory(prefix="remora-crash-") as directory:
        todo = Path(directory) / "points.txt"
        todo.write_text("\n".join(report.wanted) + "\n")
        crashing = worker("worker-1", module="chaos.crashing_worker", env={**LIMITS, TODO: str(todo)}, forks=True)
        async with chaos_place(markets=MARKETS, whales=WHALES, services=[crashing], logs=logs) as place:
            await _batches(place, todo, report, tuple(kinds), batch or min(BATCH, len(report.wanted)), say)
    report.seconds = time.monotonic() - began
    return report


async def _batches(
    place: Place,
    todo: Path,
    report: CrashReport,
    kinds: Sequence[str],
    batch: int,
    say: Say,
) -> None:
    clock = await place.get("/clock")
    known = {name: clock[name] for name in ("wall_origin", "venue_origin", "speed")}
    names, idle, done = itertools.cycle(kinds), 0, done_of(todo)

    def deaths() -> int:
        return done.stat().st_size if done.exists() else 0

    lives = Lives(place, await place.client(), ClockMessage.model_validate(known), deaths)
    while report.missed and idle < IDLE_BATCHES:
        before = len(report.struck)
        await _batch(lives, [next(names) for _ in range(batch)], report)
        report.struck = done.read_text().splitlines() if done.exists() else []
        idle = 0 if len(report.struck) > before else idle + 1
        await _check(lives, report)
        say(f"died at {len(report.struck)} of {len(report.wanted)} points, {report.lives.total()} lives")
        if report.broken:
            return


async def _batch(lives: Lives, names: Sequence[str], report: CrashReport) -> None:
    """Live most lives beside one another, and then those that need the exchange's faults for themselves."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        try:
            await lives.live(name, LIVES[name])
            report.lives[name] += 1
        finally:
            slots.release()

    async with asyncio.TaskGroup() as living:
        for name in names:
            if name not in ALONE:
                await slots.acquire()
                living.create_task(one(name))
                await asyncio.sleep(APART_S)
    for name in dict.fromkeys(names):
        if name in ALONE:
            await slots.acquire()
            await one(name)


async def _check(lives: Lives, report: CrashReport) -> None:
    """Let everything come to rest, then hold the books against the exchange's."""
    await lives.place.control.delete("/faults")
    report.checks += 1
    try:
        await quieten(lives.place, lives.told)
    except NotQuiet as error:
        report.broken.append(str(error))
    found = await gather(lives.place, lives.told)
    report.broken += violations(found, dataclasses.replace(CAPS, per_minute=10_000))
    report.broken += lives.stuck
