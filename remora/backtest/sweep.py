"""Many policies on one recording: a grid, each point replayed, and how likely the best one is luck."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.costs import Latency
from remora.backtest.history import History
from remora.backtest.overfitting import deflated, overfitting
from remora.backtest.performance import moments, performance, returns_of
from remora.backtest.pool import Job, Shared, perform, run_jobs
from remora.backtest.scenarios import season_history
from remora.backtest.simulate import Grouping
from remora.backtest.sources import read_history
from remora.backtest.spec import Spec, SpecRefused, changed
from remora.backtest.study import Memory, Tried, made_ready
from remora.domain.limits import Limits
from remora.statistics.scoring_params import ScoringParams

POINTS_MAX = 2_000
"""More is a fishing expedition: the best of them would have to clear a bar that nothing clears."""

COMPARED_MAX = 200
"""Points whose daily returns are kept for the probability of overfitting."""

SECONDS_PER_POINT = 0.5
NOTHING_KEPT = Checkpoint()
EXECUTION = ("latency", "fills")
Point = dict[str, str]


def points_of(grid: Mapping[str, Any], limits: Limits) -> list[Point]:
    """Return every combination of a grid's values; raise SpecRefused for a grid that cannot or must not be run.

    Names are those of the policy, ``latency`` and ``fills``; values are lists.
    """
    if not grid:
        raise SpecRefused("the grid is empty: expected names of the policy with lists of values")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise SpecRefused(f"{name}: expected a list of values, found {values!r}")
    count = math.prod(len(values) for values in grid.values())
    if count > POINTS_MAX:
        longest = max(grid, key=lambda name: len(grid[name]))
        raise SpecRefused(
            f"the grid has {count:,} points, about {count * SECONDS_PER_POINT / 3600:,.1f} processor hours, and "
            f"the best of so many would be luck; {POINTS_MAX:,} at most: start with fewer values of {longest} "
            f"({len(grid[longest])})"
        )
    points = [dict(zip(grid, map(str, chosen), strict=True)) for chosen in itertools.product(*grid.values())]
    for point in points:
        _split(point, limits)
    return points


def _split(point: Point, limits: Limits) -> tuple[Limits, Point]:
    """Return the limits of a point, and its assumptions about execution; raise SpecRefused."""
    policy = {name: value for name, value in point.items() if name not in EXECUTION}
    execution = {name: value for name, value in point.items() if name in EXECUTION}
    if "fills" in execution and execution["fills"] not in ("pessimistic", "realistic", "optimistic"):
        raise SpecRefused(f"fills: expected pessimistic, realistic or optimistic, found {execution['fills']!r}")
    if "latency" in execution:
        try:
            Latency.parse(execution["latency"])
        except ValueError as error:
            raise SpecRefused(f"latency: {error}") from None
    return changed(limits, policy), execution


def at_point(spec: Spec, point: Point) -> Spec:
    """Return the configuration of a point."""
    policy = {name: value for name, value in point.items() if name not in EXECUTION}
    execution = {name: value for name, value in point.items() if name in EXECUTION}
    return replace(spec, policy={**spec.policy, **policy}, **execution)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a recording comes from, as plain values: any machine that sees the files reads the same."""

    paths: tuple[str, ...] = ()
    season: int | None = None
    assumed_life_days: float | None = None

    def read(self) -> History:
        """Return the recording; raise DataUnusable."""
        if self.season is not None:
            return season_history(self.season)[0]
        life = None if self.assumed_life_days is None else timedelta(days=self.assumed_life_days)
        return read_history([Path(path) for path in self.paths], assumed_life=life)


def shared_of(spec: Spec, history: History, base: Limits, scoring: ScoringParams) -> Shared:
    """Return what every point shares; selection is made once, it depends on no point."""
    case, roster = made_ready(spec, history, base, scoring, lambda _stage, _done, _total: None)
    return Shared(case, history, frozenset(roster.wallets), base, Grouping("event", {}, 0, 0))


def replay_point(shared: Shared, point: Point) -> dict[str, Any]:
    """Return what one point came to, as plain JSON."""
    told = perform(shared, Job("point", value=point))
    capital = shared.case.spec.capital
    found = performance(told["daily"], capital)
    return {
        "point": point,
        "positions": told["positions"],
        "pnl": found.pnl,
        "total_return": found.total_return,
        "sharpe": found.sharpe,
        "sharpe_annual": found.sharpe_annual,
        "drawdown": found.drawdown,
        "daily": told["daily"].tolist(),
    }


def sweep_here(
    shared: Shared,
    points: Sequence[Point],
    *,
    workers: int,
    progress: Callable[[str, int, int], None],
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> list[dict[str, Any]]:
    """Replay every point in this machine's processes; rows come back in the order of the points.

    Points that `checkpoint` has from an interrupted sweep are not replayed again.
    """
    jobs = [Job("row", number=number, value=point) for number, point in enumerate(points)]
    kept = ((job, checkpoint.load(job)) for job in jobs)
    rows: dict[int, dict[str, Any]] = {job.number: row for job, row in kept if row is not None}

    def done(job: Job, row: Any) -> None:
        checkpoint.save(job, row)
        rows[job.number] = row
        progress("grid", len(rows), len(points))

    progress("grid", len(rows), len(points))
    run_jobs(shared, [job for job in jobs if job.number not in rows], workers=workers, done=done)
    return [rows[number] for number in range(len(points))]


def judged(
    rows: Sequence[dict[str, Any]],
    spec: Spec,
    history: History,
    base: Limits,
    scoring: ScoringParams,
    memory: Memory,
) -> dict[str, Any]:
    """Remember every point as a trial and return the table with the best point's deflation and the grid's PBO."""
    made = [at_point(spec, row["point"]) for row in rows]
    keys = [one.key(history.fingerprint, base, scoring) for one in made]
    tried = memory.remember(
        history.recording,
        [
            Tried(key, row["sharpe"], len(row["daily"]), one.recorded())
            for key, row, one in zip(keys, rows, made, strict=True)
        ],
    )
    best = max(rows, key=lambda row: row["sharpe"] if row["sharpe"] is not None else -math.inf)
    daily = np.array(best["daily"])
    compared = len(rows) <= COMPARED_MAX
    matrix = np.array([returns_of(np.array(row["daily"]), spec.capital) for row in rows[:COMPARED_MAX]]).T
    _, skew, kurtosis = moments(returns_of(daily, spec.capital))
    found = performance(daily, spec.capital)
    return {
        "spec": spec.recorded(),
        "points": [{name: value for name, value in row.items() if name != "daily"} for row in rows],
        "best": {"point": best["point"], "skew": skew, "kurtosis": kurtosis, **deflated(found, tried)},
        "overfitting": overfitting(matrix, np.random.default_rng([spec.seed, 4]))
        if compared
        else {"pbo": None, "why_not": f"more than {COMPARED_MAX} points"},
        "data": {"name": history.name, "fingerprint": history.fingerprint},
    }
