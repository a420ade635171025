"""Everything that changes a twin is a step: done whole, at one instant, written, and done again on a restart."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remora.venues.twin.chain.blocks import Chain, ChainEvent
from remora.venues.twin.engine.events import Event
from remora.venues.twin.engine.exchange import Exchange
from remora.venues.twin.faults.diary import Diary, Script
from remora.venues.twin.faults.switchboard import Switchboard
from remora.venues.twin.held_clock import HeldClock
from remora.venues.twin.journal.errors import StateForeign
from remora.venues.twin.journal.file import Journal, instant

TICK = "tick"


@dataclass(frozen=True, slots=True)
class Act:
    """How steps of one kind are done, and what of their outcome must be the same when they are done again."""

    run: Callable[[Any], Any]
    told: Callable[[Any], Any]


def _itself(outcome: Any) -> Any:
    return outcome


class Steps:
    """Does steps. Without a journal nothing is written and nothing is remembered.

    Nothing else may run while a step is done: an act that waits would mix with another one.
    """

    def __init__(self, clock: HeldClock, board: Switchboard) -> None:
        self.journal: Journal | None = None
        self._clock = clock
        self._board = board
        self._acts: dict[str, Act] = {}
        self._exchange: Exchange | None = None
        self._stirred = 0
        self._ticked = False
        self._idle: datetime | None = None
        self._last: datetime | None = None
        self._last_sequence = 0

    def on(self, kind: str, run: Callable[[Any], Any], told: Callable[[Any], Any] = _itself) -> None:
        """Say how steps of a kind are done; what `run` gets and `told` returns is JSON."""
        self._acts[kind] = Act(run, told)

    def watch(self, exchange: Exchange, chain: Chain) -> None:
        """Notice from now on which ticks change something."""
        self._exchange = exchange
        exchange.listeners.append(self._heard)
        chain.listeners.append(self._mined)

    def do(self, kind: str, body: Any) -> Any:
        """Do a step; return its outcome or raise what it raised, once it is written."""
        act, wall, diary = self._acts[kind], self._begin(), Diary()
        try:
            outcome = self._run(act, body, wall, diary)
        except Exception as error:
            self._write(kind, wall, body, diary, _failed(error))
            raise
        self._write(kind, wall, body, diary, None if self.journal is None else act.told(outcome))
        return outcome

    def tick(self, most: int) -> int:
        """Let time pass and play at most `most` events of the scenario; return how many were due."""
        wall, stirred, diary = self._begin(), self._stirred, Diary()
        played = int(self._run(self._acts[TICK], most, wall, diary))
        if played or self._stirred != stirred or not self._ticked:
            self._ticked = True
            self._write(TICK, wall, played, diary, played)
        else:
            self._idle = wall
        return played

    @property
    def last(self) -> datetime | None:
        """The instant of the newest step, None before the first."""
        return self._last

    def restore(self, records: Iterable[dict[str, Any]]) -> None:
        """Do every step of a journal again; raise StateForeign if one comes out otherwise than then."""
        try:
            for number, record in enumerate(records, start=2):
                self._again(number, record)
        finally:
            self._board.script = None

    def _begin(self) -> datetime:
        if self.journal is not None:
            self.journal.require_sound()
        return self._clock()

    def _run(self, act: Act, body: Any, wall: datetime, diary: Diary) -> Any:
        self._board.diary = diary
        try:
            with self._clock.at(wall):
                return act.run(body)
        finally:
            self._board.diary = None

    def _again(self, number: int, record: dict[str, Any]) -> None:
        kind, wall = str(record["do"]), instant(record)
        self._last, self._ticked = wall, self._ticked or kind == TICK
        self._board.script = Script(record.get("struck", ()))
        act = self._acts.get(kind)
        with self._clock.at(wall):
            try:
                told = None if act is None else act.told(act.run(record["with"]))
            except Exception as error:  # noqa: BLE001 (what failed then fails again: part of what happened)
                told = _failed(error)
        self._last_sequence = self._sequence()
        if told != record["told"] or self._last_sequence != record["seq"]:
            raise StateForeign(
                f"step {number} of the journal ({kind} at {record['at']}) came out as {told!r} at count "
                f"{self._last_sequence}, then it was {record['told']!r} at {record['seq']}: another version of "
                "the twin wrote it; start that one, or remove the directory to begin anew"
            )

    def _write(self, kind: str, wall: datetime, body: Any, diary: Diary, told: Any) -> None:
        """Write a step, before it the newest tick that changed nothing to be seen."""
        self._last = wall
        if self.journal is None:
            return
        record = {"do": kind, "at": wall.isoformat(), "with": body, "told": told, "seq": self._sequence()}
        if diary.struck:
            record["struck"] = diary.struck
        records = [record]
        if self._idle is not None:
            quiet = {"do": TICK, "at": self._idle.isoformat(), "with": 0, "told": 0, "seq": self._last_sequence}
            records.insert(0, quiet)
            self._idle = None
        self._last_sequence = record["seq"]
        self.journal.append(records)

    def _sequence(self) -> int:
        return 0 if self._exchange is None else self._exchange.sequence

    def _heard(self, _event: Event) -> None:
        self._stirred += 1

    def _mined(self, event: ChainEvent) -> None:
        if event.removed or (event.block is not None and event.block.transactions):
            self._stirred += 1


def _failed(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
