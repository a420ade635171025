"""The whole examination on small data: sums that must hold, kept work, and what a verdict says."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from remora.backtest.attribution import attribution, calibration
from remora.backtest.checkpoint import Checkpoint
from remora.backtest.history import BUY, SELL, History
from remora.backtest.pool import Job
from remora.backtest.rosters import NamedRoster
from remora.backtest.run import prepare, replay
from remora.backtest.spec import Spec, SpecRefused
from remora.backtest.study import Plan, Tried, study
from remora.statistics.scoring_params import ScoringParams

from .recordings import DAY, HOUR, LIMITS, START, WHALE, Row, listing, recording, recordings, resolved, spec


@dataclass
class Notebook:
    """Trials in memory: a real one is a table."""

    kept: dict[tuple[str, str], float] = field(default_factory=dict)

    def remember(self, recording: str, tried: Sequence[Tried]) -> list[float]:
        self.kept |= {(recording, one.key): one.sharpe or 0.0 for one in tried}
        return [sharpe for (on, _), sharpe in self.kept.items() if on == recording]


def quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def events(count: int, wins: Sequence[bool]) -> History:
    """Return `count` markets: the whale buys at 0.50, others follow, and `wins` says how each ended."""
    rows: list[Row] = []
    for number in range(count):
        at = number * DAY + HOUR
        rows += [(at, 0, number, 0, BUY, 0.50, 1000.0), (at + 60, 1, number, 0, BUY, 0.50, 5000.0)]
        rows.append((at + 90, 4, number, 1, BUY, 0.51, 5000.0))
        rows += [
            (at + 5 * HOUR, 2, number, 0, SELL, 0.51, 5000.0),
            (at + 6 * HOUR, 3, number, 1, BUY, 0.48, 700.0),
        ]
    listings = [
        resolved(number, 0 if wins[number % len(wins)] else 1, number * DAY + 20 * HOUR, end_at=START + 90 * DAY)
        for number in range(count)
    ]
    return recording(rows, listings)


def examined(
    history: History, plan: Plan | None = None, book: Notebook | None = None, **changes: Any
) -> dict[str, Any]:
    asked = spec(end=START + 60 * DAY, **changes)
    return study(
        asked,
        history,
        LIMITS,
        ScoringParams(),
        plan=plan or Plan(simulations=50),
        memory=book or Notebook(),
        progress=quiet,
    )


@settings(max_examples=30, deadline=None)
@given(history=recordings())
def test_the_parts_of_the_profit_sum_to_the_profit(history: History) -> None:
    asked = spec(whales=tuple(history.wallets[:3]))
    roster = NamedRoster(frozenset(asked.whales))
    made = replay(prepare(asked, history, roster, asked.whales, LIMITS, asked.costs()))
    found = attribution(made.outcome, history.listings)
    pnl = sum(float(holding.pnl) for holding in made.outcome.filled)

    assert sum(found["made_of"].values()) == pytest.approx(pnl, abs=1e-6)
    for name in ("by_whale", "by_category", "by_price"):
        assert sum(row["pnl"] for row in found[name]) == pytest.approx(pnl, abs=1e-6)
        assert sum(row["positions"] for row in found[name]) == len(made.outcome.filled)


def test_winners_in_every_event_are_profitable_and_still_not_enough_evidence() -> None:
    report = examined(events(12, [True]))
    answers = {question["name"]: question["passed"] for question in report["verdict"]["questions"]}

    assert report["performance"]["pnl"] > 0
    assert report["simulations"]["units"] == 12
    assert report["simulations"]["chance_of_loss"] == 0.0
    assert answers["Is it profitable after costs?"] is True
    assert answers["Is there enough evidence?"] is False
    assert report["verdict"]["answer"] == "no"


def test_the_other_side_of_winners_loses() -> None:
    report = examined(events(12, [True]))
    reversed_side = next(row for row in report["controls"] if row["name"] == "reversed side")

    assert reversed_side["pnl"] < 0 < report["performance"]["pnl"]


def test_forecasts_are_held_against_what_happened() -> None:
    history = events(20, [True, False])
    asked = spec(end=START + 60 * DAY)
    roster = NamedRoster(frozenset({WHALE}))
    limits = LIMITS
    made = replay(prepare(asked, history, roster, asked.whales, limits, asked.costs()))
    found = calibration(made.outcome, history.listings)

    assert found["positions"] == 20
    assert found["brier"] == pytest.approx(0.25, abs=0.01)
    assert found["bins"][0]["happened"] == pytest.approx(0.5)


def test_every_configuration_counts_as_a_trial_and_the_same_one_only_once() -> None:
    history, book = events(12, [True, True, False]), Notebook()
    first = examined(history, book=book)
    again = examined(history, book=book, seed=1)
    other = examined(history, book=book, policy={"stop_loss": "0.30"})

    assert [made["deflated"]["trials"] for made in (first, again, other)] == [1, 1, 2]
    assert other["deflated"]["dsr"] <= other["performance"]["psr"]


def test_another_assumption_about_the_markets_is_another_try_on_the_same_data() -> None:
    history, book = events(12, [True, True, False]), Notebook()
    assumed = [replace(listing, end_at=START + 80 * DAY, end_source="assumed") for listing in history.listings]
    first = examined(history, book=book)
    other = examined(replace(history, listings=assumed), book=book)

    assert [made["deflated"]["trials"] for made in (first, other)] == [1, 2]


def test_an_interrupted_examination_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    history = events(12, [True, True, False])
    whole = examined(history)

    class Interrupted(Exception):
        pass

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage.startswith("simulations") and done == total // 2:
            raise Interrupted

    kept = Checkpoint(tmp_path / "kept")
    with pytest.raises(Interrupted):
        study(
            spec(end=START + 60 * DAY),
            history,
            LIMITS,
            ScoringParams(),
            plan=Plan(simulations=50, checkpoint=kept),
            memory=Notebook(),
            progress=interrupt,
        )
    before = len(list((tmp_path / "kept").iterdir()))
    resumed = examined(history, plan=Plan(simulations=50, checkpoint=kept))

    assert before > 10
    assert resumed == whole
    kept.clear()
    assert kept.load(Job("reversed")) is None


def test_two_processes_find_what_one_finds() -> None:
    history = events(12, [True, True, False])

    assert examined(history, plan=Plan(simulations=10, workers=2)) == examined(history, plan=Plan(simulations=10))


def test_nobody_to_follow_is_refused() -> None:
    with pytest.raises(SpecRefused, match="none of the 1 named wallets"):
        examined(events(3, [True]), whales=("0x" + "77" * 20,))


def test_a_market_that_nobody_else_trades_leaves_nothing_to_judge() -> None:
    report = examined(recording([(HOUR, 0, 0, 0, BUY, 0.5, 1000.0)], [listing()]))

    assert report["verdict"]["answer"] == "nothing to judge"
    assert "none was filled" in report["verdict"]["sentence"]
    assert np.isfinite(report["performance"]["drawdown"])


def test_the_seed_is_no_part_of_a_trial() -> None:
    one, other = Spec(start=0, end=1, seed=1), Spec(start=0, end=1, seed=2)

    assert one.key("d", LIMITS, ScoringParams()) == other.key("d", LIMITS, ScoringParams())
    assert one.key("d", LIMITS, ScoringParams()) != one.key("e", LIMITS, ScoringParams())
