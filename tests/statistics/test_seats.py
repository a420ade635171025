import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.statistics import population
from remora.statistics.population import Standing
from remora.statistics.scoring import Evidence, RosterPlace, ScoringResult
from remora.statistics.scoring_params import Gate, ScoringParams
from remora.statistics.seats import PaperRecord, Seat, SeatRules, SeatStatus, next_seats, shortfall
from remora.statistics.track_record import no_record

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RULES = SeatRules()


def evidence(wallet: str, *, score: float = 80.0, win_rate: float = 0.7, q: float = 0.05) -> Evidence:
    standing = Standing(
        sharpe=2.0, sharpe_shrunk=1.5, sharpe_error=0.5, win_rate=win_rate, win_rate_low=0.6, score=score
    )
    return Evidence(
        record=no_record(wallet),
        standing=standing,
        tested=population.Tested(edge=0.05, p=0.01, q=q),
        gate=None,
        detail="",
    )


def result(found: dict[str, Evidence], *passed: str) -> ScoringResult:
    places = [
        RosterPlace(wallet=w, edge=0.05, score=80.0, score_low=70.0, sharpe_low=1.0, win_rate_low=0.6, q=0.05)
        for w in passed
    ]
    return ScoringResult(
        as_of=NOW, params=ScoringParams(), roster=tuple(places), funnel={}, evidence=found, rejected=0, notice=""
    )


def seat(wallet: str = "a", status: SeatStatus = SeatStatus.ACTIVE, *, days: int = 20, strikes: int = 0) -> Seat:
    return Seat(
        wallet=wallet, status=status, since=NOW - timedelta(days=days), edge=0.04, score=75.0, strikes=strikes
    )


def after(sitting: Seat, found: Evidence | None, paper: PaperRecord | None = None) -> Seat:
    records = {} if found is None else {sitting.wallet: found}
    seats = next_seats(
        {sitting.wallet: sitting},
        result(records),
        {} if paper is None else {sitting.wallet: paper},
        now=NOW,
        rules=RULES,
    )
    return seats[0]


def test_whoever_passes_begins_on_probation() -> None:
    (first,) = next_seats({}, result({"a": evidence("a")}, "a"), {}, now=NOW, rules=RULES)

    assert (first.status, first.since, first.edge) == (SeatStatus.PROBATION, NOW, 0.05)


@pytest.mark.parametrize(
    ("days", "closed", "edge", "status"),
    [
        (14, 10, 0.01, SeatStatus.ACTIVE),
        (13, 10, 0.01, SeatStatus.PROBATION),
        (14, 9, 0.01, SeatStatus.PROBATION),
        (14, 10, 0.0, SeatStatus.PROBATION),
        (14, 0, 0.0, SeatStatus.PROBATION),
    ],
)
def test_probation_ends_by_time_positions_and_edge(
    days: int, closed: int, edge: float, status: SeatStatus
) -> None:
    sitting = seat(status=SeatStatus.PROBATION, days=days)
    found = after(sitting, evidence("a"), PaperRecord(closed=closed, mean_edge=edge))

    assert found.status is status
    assert found.since == (NOW if status is SeatStatus.ACTIVE else sitting.since)


LOW = [evidence("a", score=59.9), evidence("a", win_rate=0.59), evidence("a", q=0.36), None]


@pytest.mark.parametrize("low", LOW, ids=["score", "win rate", "q", "unseen"])
def test_one_bad_rescoring_is_a_strike_and_two_in_a_row_demote(low: Evidence | None) -> None:
    once = after(seat(), low)
    assert (once.status, once.strikes) == (SeatStatus.ACTIVE, 1)
    twice = after(once, low)
    assert (twice.status, twice.since, twice.edge) == (SeatStatus.DEMOTED, NOW, 0.0)
    forgiven = after(once, evidence("a"))
    assert (forgiven.status, forgiven.strikes) == (SeatStatus.ACTIVE, 0)


def test_between_the_bars_a_seat_is_kept_but_none_is_won() -> None:
    between = {"a": evidence("a", score=65.0), "b": evidence("b", score=65.0)}
    seats = next_seats({"a": seat()}, result(between), {}, now=NOW, rules=RULES)

    assert [(one.wallet, one.status) for one in seats] == [("a", SeatStatus.ACTIVE)]


def test_the_demoted_return_only_through_the_gates_and_on_probation() -> None:
    gone = seat(status=SeatStatus.DEMOTED, days=3)
    good = {"a": evidence("a")}
    stays = next_seats({"a": gone}, result(good), {}, now=NOW, rules=RULES)
    comes_back = next_seats({"a": gone}, result(good, "a"), {}, now=NOW, rules=RULES)
    forgotten = next_seats(
        {"a": replace(gone, since=NOW - timedelta(days=31))}, result(good), {}, now=NOW, rules=RULES
    )

    assert stays == (gone,)
    assert (comes_back[0].status, comes_back[0].since) == (SeatStatus.PROBATION, NOW)
    assert forgotten == ()


@given(sitting=st.integers(0, 12), passing=st.integers(0, 15), seats=st.integers(1, 10))
def test_there_are_never_more_seats_than_allowed_and_the_best_come_first(
    sitting: int, passing: int, seats: int
) -> None:
    held = {f"s{n:02d}": seat(f"s{n:02d}") for n in range(min(sitting, seats))}
    fresh = [f"n{n:02d}" for n in range(passing)]
    found = {wallet: evidence(wallet) for wallet in [*held, *fresh]}
    after_it = next_seats(held, result(found, *fresh), {}, now=NOW, rules=SeatRules(seats_max=seats))

    assert len(after_it) == min(seats, len(held) + passing)
    assert {one.wallet for one in after_it} == set(held) | set(fresh[: seats - len(held)])


def test_what_cannot_be_scored_is_told() -> None:
    unscored = Evidence(
        record=no_record("a"), standing=None, tested=None, gate=Gate.HISTORY, detail="its history is cut off"
    )

    assert shortfall(unscored, RULES) == "cannot be scored: its history is cut off"
    assert shortfall(evidence("a"), RULES) is None
    assert np.isfinite(after(seat(), unscored).edge)


def test_rules_are_recorded_as_plain_values_and_come_back() -> None:
    rules = SeatRules(keep_score=55.0, probation=timedelta(days=2))

    recorded = json.loads(json.dumps(rules.recorded()))
    assert recorded["probation"] == 2 * 86_400
    assert SeatRules.from_recorded(recorded) == rules
    assert SeatRules.from_recorded({"unknown": 1}) == RULES
