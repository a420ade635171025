from pathlib import Path

import pytest

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.history import BUY, SELL, History
from remora.backtest.spec import SpecRefused
from remora.backtest.sweep import judged, points_of, shared_of, sweep_here
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


def test_a_grid_is_every_combination() -> None:
    points = points_of({"stop_loss": [0.1, 0.2], "latency": ["1", "10", "measured"]}, LIMITS)

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
    ],
)  # fmt: skip
def test_a_grid_that_must_not_be_run_is_refused(grid: dict[str, object], told: str) -> None:
    with pytest.raises(SpecRefused, match=told):
        points_of(grid, LIMITS)


def test_two_processes_find_what_one_finds_and_every_point_is_a_trial() -> None:
    history, asked, book = moving(10), spec(end=START + 60 * DAY), Notebook()
    points = points_of({"stop_loss": [0.05, 0.15], "take_profit": [0.1, 0.3], "latency": ["2", "9"]}, LIMITS)
    shared = shared_of(asked, history, LIMITS, ScoringParams())
    one = sweep_here(shared, points, workers=1, progress=lambda *_told: None)
    two = sweep_here(shared, points, workers=2, progress=lambda *_told: None)
    found = judged(one, asked, history, LIMITS, ScoringParams(), book)

    assert one == two
    assert [row["point"] for row in one] == points
    assert len({row["pnl"] for row in one}) > 1
    assert found["best"]["trials"] == len(points) == len(book.kept)


def test_an_interrupted_grid_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    history, asked = moving(10), spec(end=START + 60 * DAY)
    names = ("position_share", "event_share", "market_share", "whale_share", "drawdown_share", "daily_loss_share")
    points = points_of({"stop_loss": [0.05, 0.1, 0.2, 0.3]} | {name: [0.09] for name in names}, LIMITS)
    shared, kept = shared_of(asked, history, LIMITS, ScoringParams()), Checkpoint(tmp_path / "kept")
    whole = sweep_here(shared, points, workers=1, progress=lambda *_told: None)

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
