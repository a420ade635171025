"""What was asked for, and the days held against the recording's own, before anything heavy is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from remora.cli.errors import CommandFailed, Exit

DAY = timedelta(days=1)
TIMES = ("ts", "first_ts")
"""Columns that hold the time of a row: of a tape of fills, and of a table of positions."""


@dataclass(frozen=True, slots=True)
class Period:
    """First instant and last day, None where nobody said."""

    start: datetime | None
    end: datetime | None


def usage(message: str, next_step: str = "") -> CommandFailed:
    """Return the refusal of something that was asked for wrongly."""
    return CommandFailed(message, next_step, code=Exit.USAGE)


def stopped(problem: object) -> str:
    """Return what is wrong with one full stop at its end, whoever wrote it."""
    return f"{str(problem).strip().rstrip('.')}."


def sentence(problem: object) -> str:
    """Return what is wrong as a sentence of its own."""
    text = stopped(problem)
    return f"{text[:1].upper()}{text[1:]}"


def day(option: str, text: str | None) -> datetime | None:
    """Return the instant at which a day begins, UTC; raise CommandFailed for what is no date."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise usage(f"{option}: expected a date, found {text!r}.", "Such as 2022-06-01.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def period(start: str | None, end: str | None) -> Period:
    """Return the days that were asked for; raise CommandFailed where they cannot be a period."""
    found = Period(day("--start-date", start), day("--end-date", end))
    if found.start is not None and found.end is not None and found.start > found.end:
        raise usage(f"The period is reversed: {start} is after {end}.", "Swap the dates.")
    return found


def require_together(*, grid: Path | None, on: str, tearsheets: Sequence[Path | None]) -> None:
    """Raise CommandFailed for options that would do nothing beside each other."""
    if grid is not None and any(tearsheets):
        raise usage(
            "A grid makes a table, no tearsheet: leave --html and --png out.", "Run its best point for one."
        )
    if on not in ("here", "temporal"):
        raise usage(f"--on: expected here or temporal, found {on!r}.")
    if grid is None and on != "here":
        raise usage("--on says where a grid runs, and there is no --grid.")


def require_inside(asked: Period, first: datetime, last: datetime) -> None:
    """Raise CommandFailed if nothing between `first` and `last` lies in the period."""
    start = first if asked.start is None else asked.start
    end = last if asked.end is None else asked.end + DAY
    if end <= first or start > last:
        shown = max(start, end - DAY) if asked.end is None else end - DAY
        raise usage(
            f"No trade was recorded from {start:%Y-%m-%d} to {shown:%Y-%m-%d}.",
            f"The recording runs from {first:%Y-%m-%d} to {last:%Y-%m-%d}.",
        )


def require_recorded(asked: Period, paths: Sequence[Path]) -> None:
    """Raise CommandFailed if the files say in their footers that they hold nothing of the period.

    Files that cannot be read, or do not say, are left to the reader of the recording.
    """
    if asked.start is None and asked.end is None:
        return
    spans = [span for path in _files(paths) for span in _spans(path)]
    if spans:
        require_inside(asked, min(first for first, _ in spans), max(last for _, last in spans))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]


def _spans(path: Path) -> Iterator[tuple[datetime, datetime]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        for column in (group.column(place) for place in range(group.num_columns)):
            if column.path_in_schema in TIMES and column.statistics is not None and column.statistics.has_min_max:
                ends = _instant(column.statistics.min), _instant(column.statistics.max)
                if ends[0] is not None and ends[1] is not None:
                    yield ends[0], ends[1]


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
