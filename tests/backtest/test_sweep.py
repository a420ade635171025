from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.history import BUY, NEVER, SELL, History
from remora.backtest.scenarios import season_history
from remora.backtest.spec import Spec, SpecRefused
from remora.backtest.sweep import Ground, at_point, judged, points_of, replay_point, shared_of, sweep_here
from remora.statistics.scoring_params import ScoringParams

from .recordings import DAY, HOUR, LIMITS, START, Row, recording, resolved, spec
from .test_study import Notebook


def moving(count: int) -> History:
    """Return markets whose price falls or rises after the whale bought."""
    rows: list[Row] = []
    for number in range(count):
        at, later = number * DAY + HOUR, 0.44 if number % 2 else 0.60
        rows += [(at, 0, number, 0, BUY, 0.50, 1000.0), (at + 60, 1, number, 0, BUY, 0.50, 5000.0)]
        rows += [(at + HOUR * n, 2, number, 0, SELL, later + 0.005 * n, 9000.0) for n in range(2, 8)]
    listings = [resolved(n, n % 3 % 2, n * DAY + 20 * HOUR, end_at=START + 90 * DAY) for n in range(count)]
    return recording(rows, listings)


def ground(history: History, asked: Spec) -> Ground:
    return Ground(spec=asked, history=history, base=LIMITS, scoring=ScoringParams())


def combined(grid: Mapping[str, object], scoring: ScoringParams | None = None) -> list[dict[str, str]]:
    return points_of(grid, LIMITS, scoring, seconds=lambda: 0.5)


def quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def test_a_grid_is_every_combination() -> None:
    points = combined({"stop_loss": [0.1, 0.2], "latency": ["1", "10", "measured"]})

    assert len(points) == 6
    assert {"stop_loss": "0.2", "latency": "10"} in points


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ({name: list(range(1, 11)) for name in ("stop_loss", "take_profit", "drift_ticks")} | {
            "kelly_fraction": [0.1] * 10, "stop_ticks": [1] * 10, "position_share": [0.05] * 10
        }, "1,000,000 points"),
        ({"stop_los": [0.1]}, "unknown number 'stop_los'"),
        ({"stop_loss": 0.1}, "expected a list of values"),
        ({"fills": ["lucky"]}, "expected pessimistic"),
        ({"latency": ["soon.json"]}, "JSON file"),
        ({}, "the grid is empty"),
        ({"score_min": [70]}, "the whales are named"),
    ],
)  # fmt: skip
def test_a_grid_that_must_not_be_run_is_refused(grid: dict[str, object], told: str) -> None:
    with pytest.raises(SpecRefused, match=told):
        combined(grid)


def test_two_processes_find_what_one_finds_and_every_point_is_a_trial() -> None:
    history, asked, book = moving(10), spec(end=START + 60 * DAY), Notebook()
    points = combined({"stop_loss": [0.05, 0.15], "take_profit": [0.1, 0.3], "latency": ["2", "9"]})
    one = sweep_here(ground(history, asked), points, workers=1, progress=quiet)
    two = sweep_here(ground(history, asked), points, workers=2, progress=quiet)
    found = judged(one, asked, history, LIMITS, ScoringParams(), book)

    assert one == two
    assert [row["point"] for row in one] == points
    assert len({row["pnl"] for row in one}) > 1
    assert found["best"]["trials"] == len(points) == len(book.kept)


def test_an_interrupted_grid_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    history, asked = moving(10), spec(end=START + 60 * DAY)
    names = ("position_share", "event_share", "market_share", "whale_share", "drawdown_share", "daily_loss_share")
    points = combined({"stop_loss": [0.05, 0.1, 0.2, 0.3]} | {name: [0.09] for name in names})
    shared, kept = ground(history, asked), Checkpoint(tmp_path / "kept")
    whole = sweep_here(shared, points, workers=1, progress=quiet)

    def interrupt(_stage: str, done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep_here(shared, points, workers=1, progress=interrupt, checkpoint=kept)
    told: list[int] = []
    resumed = sweep_here(
        shared, points, workers=1, progress=lambda _stage, done, _total: told.append(done), checkpoint=kept
    )

    assert resumed == whole
    assert told == [2, 3, 4]


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ({"score_min": [101]}, "score_min: expected a number from 0 to 100, found '101'"),
        ({"closed_events_min": [2.5]}, "closed_events_min: expected a whole number"),
        ({"win_rate_min": ["high"]}, "win_rate_min: expected a number from 0 to 1"),
    ],
)
def test_a_threshold_that_means_nothing_is_refused(grid: dict[str, object], told: str) -> None:
    with pytest.raises(SpecRefused, match=told):
        combined(grid, ScoringParams())


def test_the_time_that_a_grid_would_take_is_what_a_replay_takes_here() -> None:
    grid: dict[str, object] = {
        name: list(range(100)) for name in ("drift_ticks", "stop_ticks", "crossing_updates")
    }
    for seconds, hours in ((0.5, "138.9"), (7.2, "2,000.0")):
        with pytest.raises(SpecRefused, match=f"1,000,000 points, about {hours} processor hours"):
            points_of(grid, LIMITS, None, seconds=lambda took=seconds: took)  # type: ignore[misc]


def test_thresholds_of_the_selection_are_swept_and_each_choice_is_a_trial() -> None:
    history, cut = season_history(1)[0], datetime(2026, 2, 25, tzinfo=UTC).timestamp()
    asked = Spec(start=cut - 10 * DAY, end=cut + 3 * DAY, select=True, rescore_days=10.0)
    points = combined({"take_profit": [0.1, 0.3], "score_min": [70, 100]}, ScoringParams())
    told: list[tuple[str, int, int]] = []
    rows = sweep_here(
        ground(history, asked), points, workers=2, progress=lambda stage, *count: told.append((stage, *count))
    )
    book = Notebook()
    found = judged(rows, asked, history, LIMITS, ScoringParams(), book)
    alone = replace(asked, selection={"score_min": 70.0})
    shared = shared_of(alone, history, LIMITS, ScoringParams())

    assert [point["score_min"] for point in points] == ["70", "70", "100", "100"]
    assert [row["positions"] > 0 for row in rows] == [True, True, False, False], "nobody scores a hundred"
    assert rows[0] | {"point": {}} == replay_point(shared, {"take_profit": "0.1"}) | {"point": {}}
    assert ("choices of whales", 2, 2) in told
    assert len(book.kept) == found["best"]["trials"] == 4
    assert at_point(asked, points[2]).scoring(ScoringParams()).score_min == 100.0


def test_a_default_written_into_the_grid_is_the_same_trial() -> None:
    asked, scoring = Spec(start=0, end=1, select=True), ScoringParams()
    written = at_point(asked, {"score_min": "70", "closed_events_min": "30"})

    assert written.key("d", LIMITS, scoring) == asked.key("d", LIMITS, scoring)


def test_a_grid_tells_what_the_data_lacks() -> None:
    history = replace(moving(6), notices=("a caveat",), rejected={"malformed": 3})
    history = replace(
        history, listings=[replace(one, payouts=None, resolved_at=NEVER) for one in history.listings]
    )
    asked = spec(end=START + 60 * DAY, whales=(*spec().whales, "0x" + "77" * 20))
    rows = sweep_here(ground(history, asked), combined({"stop_loss": [0.1, 0.2]}), workers=1, progress=quiet)
    found = judged(rows, asked, history, LIMITS, ScoringParams(), Notebook())

    assert found["notices"][0] == "a caveat"
    assert "is not in the recording" in found["notices"][1]
    assert found["data"]["rejected"] == {"malformed": 3}
    assert found["data"]["markets_without_result"] == 6
    assert found["best"]["lacks"]["capital_without_result"] == 1.0
