"""A plan of faults over time: drawn from a seed, written to a file, played by the twin."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remora.venues.twin.faults.switchboard import MARKET_KINDS, FaultKind

RATES = {
    FaultKind.TIMEOUT_BEFORE_ACCEPT: 0.15,
    FaultKind.TIMEOUT_AFTER_ACCEPT: 0.15,
    FaultKind.CLOSE_IN_FLIGHT: 0.05,
    FaultKind.WS_SILENT: 0.02,
    FaultKind.SETTLE_FAILED: 0.25,
}
RATE = 0.3
"""How often an armed fault strikes, where nothing else is said."""


class ScheduleError(ValueError):
    """A schedule file cannot be used; the message says where."""


class FaultStep(BaseModel):
    """Arm `kind` at `at_s` seconds after the start, until `until_s`; a market's fate is done at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_s: float = Field(ge=0)
    until_s: float | None = Field(default=None, ge=0)
    kind: FaultKind
    rate: float = Field(default=1.0, gt=0, le=1)
    count: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=1.0, ge=0)
    on: str = ""
    market: str | None = None


class FaultSchedule(BaseModel):
    """What will go wrong when; `seed` decides which single events the faults strike."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    steps: tuple[FaultStep, ...] = ()


def draw_schedule(
    seed: int, *, seconds: float, kinds: Sequence[FaultKind] = tuple(FaultKind), each: int = 1
) -> FaultSchedule:
    """Return a schedule in which every one of `kinds` comes up `each` times within `seconds`."""
    rng = Random(f"schedule/{seed}")  # noqa: S311 (faults, not secrets)
    steps = []
    for kind in kinds:
        for _ in range(each):
            start = rng.uniform(0, seconds * 0.9)
            steps.append(
                FaultStep(
                    at_s=round(start, 3),
                    until_s=None
                    if kind in MARKET_KINDS
                    else round(min(seconds, start + rng.uniform(0.1, 0.3) * seconds), 3),
                    kind=kind,
                    rate=1.0 if kind in MARKET_KINDS else RATES.get(kind, RATE),
                    seconds=round(rng.uniform(0.2, 1.5), 3),
                )
            )
    return FaultSchedule(seed=seed, steps=tuple(sorted(steps, key=lambda step: (step.at_s, step.kind))))


def load_schedule(path: Path) -> FaultSchedule:
    """Read a schedule file; raise ScheduleError for anything that is none."""
    try:
        return FaultSchedule.model_validate_json(path.read_text())
    except OSError as error:
        raise ScheduleError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ScheduleError(f"{path}: {where or 'file'}: {first['msg']}") from error


def dump_schedule(schedule: FaultSchedule) -> str:
    """Return a schedule as the text of its file."""
    return json.dumps(schedule.model_dump(mode="json", exclude_defaults=True), indent=1) + "\n"


async def play(
    schedule: FaultSchedule, *, start: Callable[[FaultStep], None], end: Callable[[FaultKind], None]
) -> None:
    """Start and end every step in its time, counted from now."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    moments = [(step.at_s, 0, step) for step in schedule.steps]
    moments += [(step.until_s, 1, step) for step in schedule.steps if step.until_s is not None]
    for at, ends, step in sorted(moments, key=lambda moment: (moment[0], moment[1])):
        await asyncio.sleep(max(0.0, began + at - loop.time()))
        if ends:
            end(step.kind)
        else:
            start(step)
