"""Many policies on one recording: a grid, each point replayed, and how likely the best one is luck."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from remora.backtest.checkpoint import Checkpoint
from remora.backtest.costs import FillLevel, Latency
from remora.backtest.data_quality import facts, shares
from remora.backtest.history import History
from remora.backtest.overfitting import deflated, overfitting
from remora.backtest.performance import moments, performance, returns_of
from remora.backtest.pool import Job, Shared, run_jobs
from remora.backtest.rosters import NamedRoster, WalkForwardRoster
from remora.backtest.run import Case, prepare, replay, uncollected
from remora.backtest.scenarios import season_history
from remora.backtest.simulate import Grouping
from remora.backtest.sources import read_history
from remora.backtest.spec import THRESHOLDS, Spec, SpecRefused, changed, threshold
from remora.backtest.study import Memory, Progress, Tried, absent, check, made_ready, roster_of
from remora.domain.limits import Limits
from remora.statistics.scoring_params import ScoringParams

POINTS_MAX = 2_000
"""More is a fishing expedition: the best of them would have to clear a bar that nothing clears."""

COMPARED_MAX = 200
"""Points whose daily returns are kept for the probability of overfitting."""

NOTHING_KEPT = Checkpoint()
EXECUTION = ("latency", "fills")
NOTHING_VARIED = Grouping("event", {}, 0, 0)
Point = dict[str, str]
Choice = tuple[tuple[str, str], ...]
"""Thresholds of a point: points that share them follow the same whales."""


def points_of(
    grid: Mapping[str, Any], limits: Limits, scoring: ScoringParams | None, *, seconds: Callable[[], float]
) -> list[Point]:
    """Return every combination of a grid's values; raise SpecRefused for a grid that cannot or must not be run.

    Names are those of the policy, ``latency``, ``fills`` and, where `scoring` chooses whom to follow, its
    thresholds; values are lists. `seconds` measures one replay: it is asked for a grid that is too large only.
    Points that share a choice of whales follow one another.
    """
    if not grid:
        raise SpecRefused("the grid is empty: expected names of the policy with lists of values")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise SpecRefused(f"{name}: expected a list of values, found {values!r}")
    count = math.prod(len(values) for values in grid.values())
    if count > POINTS_MAX:
        raise SpecRefused(_too_many(grid, count, seconds()))
    names = sorted(grid, key=lambda name: name not in THRESHOLDS)
    chosen = itertools.product(*(grid[name] for name in names))
    points = [dict(zip(names, map(str, values), strict=True)) for values in chosen]
    for point in points:
        _check(point, limits, scoring)
    return points


def _too_many(grid: Mapping[str, Any], count: int, seconds: float) -> str:
    choices = math.prod(len(values) for name, values in grid.items() if name in THRESHOLDS)
    besides = f" besides {choices:,} choices of whales" if choices > 1 else ""
    longest = max(grid, key=lambda name: len(grid[name]))
    return (
        f"the grid has {count:,} points, about {count * seconds / 3600:,.1f} processor hours at the "
        f"{seconds:.3f} seconds of one replay, measured here{besides}, and the best of so many would be luck; "
        f"{POINTS_MAX:,} at most: start with fewer values of {longest} ({len(grid[longest])})"
    )


def _check(point: Point, limits: Limits, scoring: ScoringParams | None) -> None:
    """Raise SpecRefused for a point that means nothing."""
    for name in choice_names(point):
        if scoring is None:
            raise SpecRefused(
                f"{name}: a threshold chooses whom to follow, and the whales are named; use --select"
            )
        threshold(name, point[name], scoring)
    if "fills" in point and point["fills"] not in set(FillLevel):
        raise SpecRefused(f"fills: expected {', '.join(FillLevel)}, found {point['fills']!r}")
    if "latency" in point:
        try:
            Latency.parse(point["latency"])
        except ValueError as error:
            raise SpecRefused(f"latency: {error}") from None
    changed(limits, _policy(point))


def _policy(point: Point) -> Point:
    return {name: value for name, value in point.items() if name not in EXECUTION and name not in THRESHOLDS}


def choice_names(point: Point) -> list[str]:
    """Return the names of a point that say whom to follow."""
    return [name for name in point if name in THRESHOLDS]


def choice_of(point: Point) -> Choice:
    """Return what of a point says whom to follow."""
    return tuple((name, point[name]) for name in choice_names(point))


def choosing(spec: Spec, choice: Choice) -> Spec:
    """Return the configuration with the thresholds of a choice."""
    return replace(spec, selection={**spec.selection, **{name: float(value) for name, value in choice}})


def at_point(spec: Spec, point: Point) -> Spec:
    """Return the configuration of a point."""
    execution = {name: value for name, value in point.items() if name in EXECUTION}
    chosen = choosing(spec, choice_of(point))
    return replace(chosen, policy={**spec.policy, **_policy(point)}, **execution)  # type: ignore[arg-type]


def _at(case: Case, point: Point) -> Case:
    """Return a case, whose whales are chosen, at a point of a grid."""
    costs = case.costs
    if "latency" in point:
        costs = replace(costs, latency=Latency.parse(point["latency"]))
    if "fills" in point:
        costs = replace(costs, level=FillLevel(point["fills"]))
    return replace(case, limits=changed(case.limits, _policy(point)), costs=costs)


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
    """Return what every point of one choice of whales shares."""
    case, roster = made_ready(spec, history, base, scoring, _quiet)
    return Shared(case, history, frozenset(roster.wallets), base, NOTHING_VARIED)


def _quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def replay_point(shared: Shared, point: Point) -> dict[str, Any]:
    """Return what one point came to, as plain JSON; its thresholds are those of `shared` already."""
    spec = shared.case.spec
    with uncollected():
        made = replay(_at(shared.case, point), record=False)
    daily, found = made.daily, made.performance
    return {
        "point": point,
        "positions": len(made.outcome.filled),
        "pnl": found.pnl,
        "total_return": found.total_return,
        "sharpe": found.sharpe,
        "sharpe_annual": found.sharpe_annual,
        "drawdown": found.drawdown,
        "lacks": shares(shared.history, spec.start, spec.end, made.outcome),
        "daily": daily.tolist(),
    }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ground:
    """What all points of a grid share, and whom each choice of whales follows."""

    spec: Spec
    history: History
    base: Limits
    scoring: ScoringParams
    rosters: Mapping[Choice, NamedRoster | WalkForwardRoster] = field(default_factory=dict)
    _ready: dict[Choice, Shared] = field(default_factory=dict)

    def do(self, job: Job) -> Any:
        """Return the roster of a choice, or the row of a point."""
        if job.kind == "choice":
            return roster_of(choosing(self.spec, job.value), self.history, self.scoring, _quiet)
        choice = choice_of(job.value)
        if choice not in self._ready:
            self._ready.clear()  # points of one choice follow one another
            self._ready[choice] = self._shared(choice)
        return replay_point(self._ready[choice], job.value)

    def _shared(self, choice: Choice) -> Shared:
        spec, roster, history = choosing(self.spec, choice), self.rosters[choice], self.history
        case = prepare(spec, history, roster, roster.wallets, spec.limits(self.base), spec.costs())
        return Shared(case, history, frozenset(roster.wallets), self.base, NOTHING_VARIED)


def sweep_here(
    bare: Ground,
    points: Sequence[Point],
    *,
    workers: int,
    progress: Progress,
    checkpoint: Checkpoint = NOTHING_KEPT,
) -> list[dict[str, Any]]:
    """Replay every point in this machine's processes; rows come back in the order of the points.

    `bare` has no rosters yet. Points that `checkpoint` has from an interrupted sweep are not replayed again.
    """
    check(bare.spec, bare.history)
    jobs = [Job("row", number=number, value=point) for number, point in enumerate(points)]
    kept = ((job, checkpoint.load(job)) for job in jobs)
    rows: dict[int, dict[str, Any]] = {job.number: row for job, row in kept if row is not None}
    left = [job for job in jobs if job.number not in rows]
    choices = list(dict.fromkeys(choice_of(job.value) for job in left))
    ground = replace(bare, rosters=_rosters(bare, choices, workers=workers, progress=progress))

    def done(job: Job, row: Any) -> None:
        checkpoint.save(job, row)
        rows[job.number] = row
        progress("grid", len(rows), len(points))

    progress("grid", len(rows), len(points))
    run_jobs(ground, left, workers=workers, done=done)
    return [rows[number] for number in range(len(points))]


def _rosters(
    bare: Ground, choices: Sequence[Choice], *, workers: int, progress: Progress
) -> dict[Choice, NamedRoster | WalkForwardRoster]:
    """Return whom each choice follows; several are made in parallel, one tells how far it is."""
    if len(choices) == 1:
        spec = choosing(bare.spec, choices[0])
        return {choices[0]: roster_of(spec, bare.history, bare.scoring, progress)}
    rosters: dict[Choice, NamedRoster | WalkForwardRoster] = {}

    def done(job: Job, roster: Any) -> None:
        rosters[choices[job.number]] = roster
        progress("choices of whales", len(rosters), len(choices))

    jobs = [Job("choice", number=number, value=choice) for number, choice in enumerate(choices)]
    run_jobs(bare, jobs, workers=workers, done=done)
    return rosters


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
        "notices": [*history.notices, *absent(spec, history)],
        "points": [{name: value for name, value in row.items() if name != "daily"} for row in rows],
        "best": {
            "point": best["point"],
            "lacks": best["lacks"],
            "skew": skew,
            "kurtosis": kurtosis,
            **deflated(found, tried),
        },
        "overfitting": overfitting(matrix, np.random.default_rng([spec.seed, 4]))
        if compared
        else {"pbo": None, "why_not": f"more than {COMPARED_MAX} points"},
        "data": facts(history, spec.start, spec.end),
    }
