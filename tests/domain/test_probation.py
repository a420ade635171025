"""A whale trades live after its time on paper, or unproven because a person said its name."""

from datetime import timedelta
from typing import Any

import pytest

from remora.domain.decide import RosterStatus
from remora.domain.probation import PROBATION_TIME, PaperRecord, live_standing, passed
from tests.domain.values import NOW, d, whale


def record(**changes: Any) -> PaperRecord:
    values: dict[str, Any] = {"first_opened_at": NOW - PROBATION_TIME, "closed": 10, "mean_edge": d("0.001")}
    return PaperRecord(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({}, True),
        ({"first_opened_at": NOW - PROBATION_TIME + timedelta(seconds=1)}, False),
        ({"first_opened_at": None}, False),
        ({"closed": 9}, False),
        ({"mean_edge": d("0")}, False),
        ({"mean_edge": d("-0.1"), "closed": 500}, False),
    ],
)
def test_probation_needs_time_positions_and_a_gain(changes: dict[str, Any], over: bool) -> None:
    assert passed(record(**changes), NOW) is over


@pytest.mark.parametrize("overridden", [False, True])
def test_who_passed_is_active_and_keeps_its_edge(overridden: bool) -> None:
    found = live_standing(whale(status=RosterStatus.PROBATION), record(), overridden=overridden, now=NOW)

    assert (found.status, found.unproven, found.edge) == (RosterStatus.ACTIVE, False, whale().edge)


@pytest.mark.parametrize("unproven", [False, True])
def test_who_has_not_passed_waits_or_is_unproven_by_name(unproven: bool) -> None:
    waiting = live_standing(whale(unproven=unproven), PaperRecord(), overridden=False, now=NOW)
    named = live_standing(whale(unproven=unproven), PaperRecord(), overridden=True, now=NOW)

    assert waiting.status is RosterStatus.PROBATION
    assert (named.status, named.unproven) == (RosterStatus.ACTIVE, True)


def test_a_name_does_not_bring_back_who_was_demoted_or_is_not_followed() -> None:
    demoted = whale(status=RosterStatus.DEMOTED)
    stranger = whale(on_roster=False)

    assert live_standing(demoted, record(), overridden=True, now=NOW) is demoted
    assert live_standing(stranger, record(), overridden=True, now=NOW) is stranger


def test_an_unproven_whale_does_not_become_proven_on_paper() -> None:
    assert (
        live_standing(whale(unproven=True), record(), overridden=False, now=NOW).status is RosterStatus.PROBATION
    )
