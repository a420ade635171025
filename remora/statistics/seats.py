"""Life on the roster: probation before live, demotion only after two bad rescorings, return through the gates."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from remora.domain.probation import PROBATION_POSITIONS, PROBATION_TIME
from remora.statistics.scoring import Evidence, ScoringResult


class SeatStatus(StrEnum):
    """Standing of a wallet on the roster."""

    PROBATION = "probation"
    ACTIVE = "active"
    DEMOTED = "demoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRules:
    """When a seat is gained, kept and lost; shares are fractions, scores from 0 to 100."""

    seats_max: int = 10
    probation: timedelta = PROBATION_TIME
    paper_positions_min: int = PROBATION_POSITIONS
    strikes_max: int = 2
    keep_score: float = 60.0
    keep_win_rate: float = 0.60
    keep_false_discovery_rate: float = 0.35
    shown_after_demotion: timedelta = timedelta(days=30)

    def recorded(self) -> Mapping[str, Any]:
        """Return the rules as plain JSON values, spans in seconds, to be kept with every roster."""
        spans = {name: getattr(self, name).total_seconds() for name in _SPANS}
        return asdict(self) | spans

    @classmethod
    def from_recorded(cls, recorded: Mapping[str, Any]) -> "SeatRules":
        """Return the rules that :meth:`recorded` gave; names that are none of ours are left out."""
        values = {name: value for name, value in recorded.items() if name in cls.__dataclass_fields__}
        values |= {name: timedelta(seconds=values[name]) for name in _SPANS if name in values}
        return cls(**values)


_SPANS: Final = ("probation", "shown_after_demotion")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRecord:
    """Closed positions on paper that copied a wallet since it sat down; `mean_edge` in dollars per share."""

    closed: int
    mean_edge: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One wallet's place. `since` is when it got this status, `strikes` how many bad rescorings it had in a row.

    `why` says what the last rescoring found.
    """

    wallet: str
    status: SeatStatus
    since: datetime
    edge: float
    score: float | None
    strikes: int = 0
    why: str = ""


def next_seats(
    previous: Mapping[str, Seat],
    result: ScoringResult,
    paper: Mapping[str, PaperRecord],
    *,
    now: datetime,
    rules: SeatRules,
) -> tuple[Seat, ...]:
    """Return the seats after a rescoring, in order of wallets.

    Those who sit stay unless they fall below the lower bar twice in a row; free seats go to the best who passed
    every gate and begin with probation. A demoted wallet is shown for a while, and comes back like anybody else.
    """
    edges = {place.wallet: place.edge for place in result.roster}
    seats: dict[str, Seat] = {}
    for wallet, seat in previous.items():
        if seat.status is SeatStatus.DEMOTED:
            if now - seat.since < rules.shown_after_demotion:
                seats[wallet] = seat
            continue
        seats[wallet] = _judged(seat, result.evidence.get(wallet), paper.get(wallet), now, rules)
    taken = sum(seat.status is not SeatStatus.DEMOTED for seat in seats.values())
    for place in result.roster:
        sitting = seats.get(place.wallet)
        if sitting is not None and sitting.status is not SeatStatus.DEMOTED:
            continue
        if taken >= rules.seats_max:
            break
        # demoted in this very rescoring cannot be: it passed every gate, and they are above the lower bar
        seats[place.wallet] = Seat(
            wallet=place.wallet,
            status=SeatStatus.PROBATION,
            since=now,
            edge=edges[place.wallet],
            score=place.score,
            why="passed every gate",
        )
        taken += 1
    return tuple(seats[wallet] for wallet in sorted(seats))


def _judged(
    seat: Seat, found: Evidence | None, paper: PaperRecord | None, now: datetime, rules: SeatRules
) -> Seat:
    low = shortfall(found, rules)
    score = None if found is None or found.standing is None else found.standing.score
    edge = seat.edge if found is None or found.tested is None else found.tested.edge
    if low is not None:
        strikes = seat.strikes + 1
        if strikes >= rules.strikes_max:
            return Seat(wallet=seat.wallet, status=SeatStatus.DEMOTED, since=now, edge=0.0, score=score, why=low)
        return Seat(
            wallet=seat.wallet,
            status=seat.status,
            since=seat.since,
            edge=edge,
            score=score,
            strikes=strikes,
            why=f"strike {strikes} of {rules.strikes_max}: {low}",
        )
    status, since = seat.status, seat.since
    if status is SeatStatus.PROBATION and _proved(paper, now - since, rules):
        status, since = SeatStatus.ACTIVE, now
    return Seat(wallet=seat.wallet, status=status, since=since, edge=edge, score=score, why="kept")


def shortfall(found: Evidence | None, rules: SeatRules) -> str | None:
    """Return what puts a seated wallet below the lower bar, None if nothing does."""
    if found is None:
        return "not seen in the history"
    if found.standing is None or found.tested is None:
        return f"cannot be scored: {found.detail}"
    if found.standing.score < rules.keep_score:
        return f"score {found.standing.score:.1f} below {rules.keep_score}"
    if found.standing.win_rate < rules.keep_win_rate:
        return f"posterior win rate {found.standing.win_rate:.3f} below {rules.keep_win_rate}"
    if found.tested.q > rules.keep_false_discovery_rate:
        return f"q {found.tested.q:.3f} above {rules.keep_false_discovery_rate}"
    return None


def _proved(paper: PaperRecord | None, sat: timedelta, rules: SeatRules) -> bool:
    return (
        paper is not None
        and sat >= rules.probation
        and paper.closed >= rules.paper_positions_min
        and paper.mean_edge > 0
    )
