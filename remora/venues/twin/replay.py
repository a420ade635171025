"""Plays a scenario against the wall clock: history at once, the window at the replay's speed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from remora.venues.twin.held_clock import HeldClock
from remora.venues.twin.journal.steps import TICK, Steps
from remora.venues.twin.replay_clock import ReplayClock
from remora.venues.twin.scenario.model import Scenario, ScenarioEvent
from remora.venues.twin.stage import Stage

NAP_MAX = 0.05
"""Wall seconds between two looks at the clock when nothing is due."""

NAP_MIN = 0.002
BATCH = 16
"""Events applied before requests and streams get their turn."""

TOUCH = timedelta(milliseconds=1)
"""Looking this much after an event is due finds it due, however the replay's speed rounds."""


class Replay:
    """One scenario on one stage."""

    def __init__(
        self, scenario: Scenario | None, stage: Stage, clock: ReplayClock, *, wall: HeldClock, steps: Steps
    ) -> None:
        self.scenario = scenario
        self._wall = wall
        self._steps = steps
        steps.on(TICK, self._tick)
        self._stage = stage
        self._clock = clock
        self._events: Sequence[ScenarioEvent] = () if scenario is None else scenario.events
        self._next = 0
        self._first = 0
        self.lag_max = timedelta(0)
        self.failed: str | None = None

    def load_history(self) -> None:
        """Apply everything before the window, silently, and put the books in place."""
        if self.scenario is not None:
            self._stage.public.names.update({truth.wallet: truth.name for truth in self.scenario.wallets})
            while self._next < len(self._events) and self._events[self._next].at < self.scenario.window_start:
                self._stage.apply(self._events[self._next])
                self._next += 1
        self._first = self._next
        self._stage.go_live()

    @property
    def done(self) -> bool:
        """Whether the window is over; an empty twin is never done."""
        return (
            self.scenario is not None
            and self._next >= len(self._events)
            and self._clock.now() >= self.scenario.window_end
        )

    def progress(self) -> dict[str, object]:
        """Return how far the replay is."""
        scenario, now = self.scenario, self._clock.now()
        body: dict[str, object] = {
            "started": self._clock.started,
            "done": self.done,
            "venue_time": now.isoformat(),
            "events_played": self._next - self._first,
            "events_total": len(self._events) - self._first,
            "prints": self._stage.prints,
            "behind_seconds_max": self.lag_max.total_seconds() / self._clock.speed,
            "error": self.failed,
        }
        if scenario is not None:
            length = (scenario.window_end - scenario.window_start).total_seconds()
            share = (now - scenario.window_start).total_seconds() / length
            body["progress"] = round(min(max(share, 0.0), 1.0), 4)
        return body

    async def run(self) -> None:
        """Play the window, then keep settlements moving for ever; a failure is kept for `progress`."""
        try:
            while True:
                played = self._steps.tick(BATCH)
                await asyncio.sleep(0 if played == BATCH else self._nap())
        except Exception as error:
            self.failed = f"{type(error).__name__}: {error}"
            raise

    def catch_up(self) -> None:
        """Play what was due while nobody served, each event at its own instant: the market did not wait."""
        while (due := self._next_due()) is not None and due <= self._wall():
            with self._wall.at(max(due + TOUCH, self._steps.last or due)):
                self._steps.tick(BATCH)
        self._steps.tick(BATCH)

    def _next_due(self) -> datetime | None:
        """Return when on the wall clock the next event is due, None before the start and after the last."""
        if not self._clock.started or self._next >= len(self._events):
            return None
        return self._clock.clock().wall_time(self._events[self._next].at)

    def _tick(self, most: int) -> int:
        self._stage.advance()
        now, played = self._clock.now(), 0
        while played < most and self._clock.started and self._next < len(self._events):
            event = self._events[self._next]
            if event.at > now:
                break
            self._next += 1
            self._stage.apply(event)
            self.lag_max = max(self.lag_max, now - event.at)
            played += 1
        return played

    def _nap(self) -> float:
        if not self._clock.started or self._next >= len(self._events):
            return NAP_MAX
        ahead = (self._events[self._next].at - self._clock.now()).total_seconds() / self._clock.speed
        return min(max(ahead, NAP_MIN), NAP_MAX)
