"""A whale's time on paper before its trades may cost real money."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from remora.domain.decide import RosterStatus, WhaleStanding
from remora.domain.money import ZERO

PROBATION_TIME = timedelta(days=14)
PROBATION_POSITIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRecord:
    """How copying a whale went on paper.

    `mean_edge` is the mean over closed positions of dollars gained per share bought, fees paid.
    """

    first_opened_at: datetime | None = None
    closed: int = 0
    mean_edge: Decimal = ZERO


def passed(record: PaperRecord, now: datetime) -> bool:
    """Return whether probation is over: long enough, often enough, and with a gain."""
    if record.first_opened_at is None or now - record.first_opened_at < PROBATION_TIME:
        return False
    return record.closed >= PROBATION_POSITIONS and record.mean_edge > 0


def live_standing(whale: WhaleStanding, record: PaperRecord, *, overridden: bool, now: datetime) -> WhaleStanding:
    """Return a whale's standing where real money is at stake.

    Who has not passed stays on probation, unless a person let it through by name: then it is unproven, whatever
    its score, and takes the small fixed stake.
    """
    if not whale.on_roster or whale.status is RosterStatus.DEMOTED:
        return whale
    if not whale.unproven and passed(record, now):
        return replace(whale, status=RosterStatus.ACTIVE)
    if overridden:
        return replace(whale, status=RosterStatus.ACTIVE, unproven=True)
    return replace(whale, status=RosterStatus.PROBATION)
