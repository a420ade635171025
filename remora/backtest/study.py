"""The whole examination of one configuration: the replay, and everything that keeps it from flattering."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from remora.backtest.attribution import attribution, calibration
from remora.backtest.checkpoint import Checkpoint
from remora.backtest.controls import RANDOM_DRAWS, SHIFTS_DAYS
from remora.backtest.costs import FillLevel
from remora.backtest.data_quality import quality
from remora.backtest.history import Floats, History
from remora.backtest.overfitting import deflated, neighbours, overfitting
from remora.backtest.performance import performance, returns_of
from remora.backtest.pool import Job, Shared, run_jobs
from remora.backtest.rosters import NamedRoster, WalkForwardRoster
from remora.backtest.run import Case, Replayed, prepare, replay
from remora.backtest.selecting import walk_forward
from remora.backtest.simulate import COLUMNS, RESAMPLES, distribution, grouping
from remora.backtest.spec import Spec, SpecRefused
from remora.backtest.summary import curves, exits, funnel, money, monthly
from remora.backtest.verdict import verdict
from remora.domain.limits import Limits
from remora.statistics.scoring_params import ScoringParams

Progress = Callable[[str, int, int], None]
"""Told the name of a stage, how much of it is done and how much there is."""

ABSENT_SHOWN = 5
LATENCIES_S = (1.0, 10.0, 60.0, 600.0)


@dataclass(frozen=True, slots=True)
class Tried:
    """One configuration, its daily Sharpe ratio (None if nothing varied) and how many days it rests on."""

    key: str
    sharpe: float | None
    days: int
    recorded: dict[str, Any]


class Memory(Protocol):
    """Remembers every configuration that was tried."""

    def remember(self, recording: str, tried: Sequence[Tried]) -> list[float]:
        """Keep configurations; return the daily Sharpe ratio of everything tried on this data, them included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How thoroughly to examine: simulations, processes, where to keep what is done."""

    simulations: int
    workers: int = 1
    checkpoint: Checkpoint = field(default_factory=Checkpoint)


def check(spec: Spec, history: History) -> None:
    """Raise SpecRefused for a run that could not tell anything, or that would look ahead."""
    first, last = history.span
    if spec.start >= spec.end:
        raise SpecRefused("the period is reversed or empty: the start must lie before the end")
    if spec.end <= first or spec.start > last:
        raise SpecRefused("no trade was recorded between start and end")
    if not spec.select:
        missing = [wallet for wallet in spec.whales if wallet not in history.codes]
        if len(missing) == len(spec.whales):
            raise SpecRefused(f"none of the {len(missing)} named wallets is in the recording")


def absent(spec: Spec, history: History) -> list[str]:
    """Return a sentence that names the wallets that were asked for and never traded in the recording."""
    missing = [wallet for wallet in spec.whales if wallet not in history.codes]
    if not missing:
        return []
    verb = "is" if len(missing) == 1 else "are"
    named = ", ".join(missing[:ABSENT_SHOWN]) + (", ..." if len(missing) > ABSENT_SHOWN else "")
    return [f"{len(missing)} of {len(spec.whales)} named wallets {verb} not in the recording: {named}."]


def roster_of(
    spec: Spec, history: History, scoring: ScoringParams, progress: Progress
) -> NamedRoster | WalkForwardRoster:
    """Return who is followed when: the named wallets, or what selection knew at each date."""
    if not spec.select:
        return NamedRoster(frozenset(spec.whales))
    return walk_forward(
        history, spec, spec.scoring(scoring), told=lambda done, total: progress("selection", done, total)
    )


def made_ready(
    spec: Spec, history: History, base: Limits, scoring: ScoringParams, progress: Progress
) -> tuple[Case, NamedRoster | WalkForwardRoster]:
    """Check a configuration and make its case; raise SpecRefused when there is nothing to examine."""
    check(spec, history)
    roster = roster_of(spec, history, scoring, progress)
    return prepare(spec, history, roster, roster.wallets, spec.limits(base), spec.costs()), roster


def study(
    spec: Spec,
    history: History,
    base: Limits,
    scoring: ScoringParams,
    *,
    plan: Plan,
    memory: Memory,
    progress: Progress,
) -> dict[str, Any]:
    """Return the report as plain values; raise SpecRefused when there is nothing to examine."""
    case, roster = made_ready(spec, history, base, scoring, progress)
    progress("replay", 0, 1)
    made = replay(case)
    progress("replay", 1, 1)
    shared = Shared(case, history, frozenset(roster.wallets), base, grouping(made, history.listings))
    results = _vary(shared, made, plan, progress)
    found = made.performance
    key = spec.key(history.fingerprint, base, scoring)
    tried = memory.remember(history.recording, [Tried(key, found.sharpe, found.days, spec.recorded())])
    report: dict[str, Any] = {
        "key": key,
        "spec": spec.recorded(),
        "limits": {name: str(getattr(case.limits, name)) for name in Limits.__dataclass_fields__},
        "costs": case.costs.recorded(),
        "data": quality(history, spec.start, spec.end, made.outcome),
        "notices": [*history.notices, *absent(spec, history)],
        "performance": found.as_json(),
        "money": money(made.outcome),
        "funnel": funnel(made.outcome),
        "roster": _roster(roster, spec),
        "exits": exits(made.outcome),
        "attribution": attribution(made.outcome, history.listings),
        "calibration": calibration(made.outcome, history.listings),
        "deflated": deflated(found, tried),
        "monthly": monthly(made, spec.start),
        **_judged(shared, made, results, spec),
    }
    report["verdict"] = verdict(report)
    return report


def _jobs(made: Replayed, simulations: int) -> list[Job]:
    """Return every variation; without a position there is nothing to vary."""
    if not made.outcome.filled:
        return [Job("fills", value=level.value) for level in FillLevel]
    jobs = [Job("fills", value=level.value) for level in FillLevel]
    jobs += [Job("latency", value=seconds) for seconds in LATENCIES_S]
    jobs += [Job("reversed"), *(Job("shifted", value=days) for days in SHIFTS_DAYS)]
    jobs += [Job("random", number=draw) for draw in range(RANDOM_DRAWS)]
    jobs += [Job("policy", value=policy) for policy in neighbours()]
    return jobs + [Job("simulation", number=n) for n in range(-(-simulations // RESAMPLES))]


def _vary(shared: Shared, made: Replayed, plan: Plan, progress: Progress) -> dict[str, list[tuple[Job, Any]]]:
    """Do every variation that is not kept from an interrupted run already."""
    jobs = _jobs(made, plan.simulations)
    results: dict[str, list[tuple[Job, Any]]] = defaultdict(list)
    open_jobs = []
    for job in jobs:
        kept = plan.checkpoint.load(job)
        if kept is None:
            open_jobs.append(job)
        else:
            results[job.kind].append((job, kept))
    count = len(jobs) - len(open_jobs)
    progress("simulations and controls", count, len(jobs))

    def done(job: Job, result: Any) -> None:
        nonlocal count
        plan.checkpoint.save(job, result)
        results[job.kind].append((job, result))
        count += 1
        progress("simulations and controls", count, len(jobs))

    run_jobs(shared, open_jobs, workers=plan.workers, done=done)
    for pairs in results.values():
        pairs.sort(key=lambda pair: (pair[0].number, str(pair[0].value)))
    return results


def _judged(
    shared: Shared, made: Replayed, results: dict[str, list[tuple[Job, Any]]], spec: Spec
) -> dict[str, Any]:
    """Return the sections that come from variations."""
    capital = made.outcome.capital
    rows = [rows for _, rows in results["simulation"]]
    simulated = np.concatenate(rows) if rows else np.zeros((0, len(COLUMNS)))
    matrix = np.array([returns_of(told["daily"], capital) for _, told in results["policy"]]).T
    controls = {
        "random wallets": [told for _, told in results["random"]],
        "reversed side": [told for _, told in results["reversed"]],
        "time shifted": [told for _, told in results["shifted"]],
    }
    return {
        "simulations": distribution(simulated, shared.group),
        "fills": [_line(str(job.value), told, capital) for job, told in results["fills"]],
        "latencies": [_line(f"{job.value:g} s", told, capital) for job, told in results["latency"]],
        "controls": [_control(name, many, capital) for name, many in controls.items() if many],
        "overfitting": overfitting(matrix, np.random.default_rng([spec.seed, 4])),
        "curves": curves(
            made, {name: [told["daily"] for told in many] for name, many in controls.items() if many}
        ),
    }


def _line(name: str, told: dict[str, Any], capital: float) -> dict[str, Any]:
    found = performance(told["daily"], capital)
    return {
        "name": name,
        "positions": told["positions"],
        "pnl": found.pnl,
        "total_return": found.total_return,
        "sharpe_annual": found.sharpe_annual,
        "drawdown": found.drawdown,
    }


def _control(name: str, many: Sequence[dict[str, Any]], capital: float) -> dict[str, Any]:
    """Return the mean of a control's draws, and its 95 % quantile: what luck alone reaches."""
    pnls: Floats = np.array([float(told["daily"].sum()) for told in many])
    return {
        "name": name,
        "draws": len(many),
        "positions": float(np.mean([told["positions"] for told in many])),
        "pnl": float(pnls.mean()),
        "pnl_low": float(np.quantile(pnls, 0.05)),
        "pnl_high": float(np.quantile(pnls, 0.95)),
        "total_return": float(pnls.mean()) / capital,
    }


def _roster(roster: NamedRoster | WalkForwardRoster, spec: Spec) -> dict[str, Any]:
    if isinstance(roster, NamedRoster):
        return {"how": "named", "wallets": sorted(roster.wallets), "editions": []}
    return {
        "how": f"walk-forward every {spec.rescore_days:g} days",
        "wallets": sorted(roster.wallets),
        "editions": [
            {
                "at": edition.at,
                "followed": {wallet: str(edge) for wallet, edge in edition.edges.items()},
                "funnel": dict(edition.funnel),
                "notice": edition.notice,
                "learned_model": edition.learned.why,
            }
            for edition in roster.editions
        ],
    }
