"""A twin that keeps its state: its journal opened before it is assembled, its steps repeated before it serves."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from remora.venues.twin.assembly import Twin, TwinOptions
from remora.venues.twin.journal.file import Journal
from remora.venues.twin.journal.origin import EMPTY, Origin, digest_of
from remora.venues.twin.replay_clock import wall_now
from remora.venues.twin.scenario.model import Scenario


def opened(
    directory: Path, scenario: Scenario | None, options: TwinOptions, *, wall: Callable[[], datetime] = wall_now
) -> Journal:
    """Open the journal of a twin with this scenario and these options; raise StateError if it is another's."""
    wanted = Origin(
        born=wall(),
        scenario=EMPTY if scenario is None else scenario.name,
        digest=digest_of(scenario),
        options=_decisive(options),
    )
    journal = Journal.open(directory, wanted)
    try:
        journal.origin.require(wanted, journal.path)
    except BaseException:
        journal.close()
        raise
    return journal


def resume(twin: Twin, journal: Journal) -> None:
    """Bring a twin that was just assembled to where it was, then through what happened meanwhile."""
    twin.steps.restore(journal.records)
    journal.records.clear()
    twin.steps.journal = journal
    twin.replay.catch_up()


def _decisive(options: TwinOptions) -> dict[str, str]:
    """Return the options without which the same steps would lead elsewhere, by the names of the command line."""
    return {
        "--seed": str(options.seed),
        "--data-lag": _seconds(options.data_lag),
        "--block-time": _seconds(options.block_time),
        "--auto-redeem-after": _seconds(options.auto_redeem_after),
        "mined after": _seconds(options.mined_after),
        "confirmed after": _seconds(options.confirmed_after),
    }


def _seconds(duration: timedelta | None) -> str:
    return "never" if duration is None else f"{duration.total_seconds():g} s"
