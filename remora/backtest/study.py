"""The whole examination of one configuration: the replay, and everything that keeps it from flattering."""

from collections.abc import Callable
from typing import Any

from remora.backtest.data_quality import quality
from remora.backtest.history import History
from remora.backtest.rosters import NamedRoster, WalkForwardRoster
from remora.backtest.run import prepare, replay
from remora.backtest.selecting import scoring_params, walk_forward
from remora.backtest.spec import Spec, SpecRefused
from remora.backtest.summary import exits, funnel, money
from remora.domain.limits import Limits
from remora.statistics.scoring_params import ScoringParams

Progress = Callable[[str, int, int], None]
"""Told the name of a stage, how much of it is done and how much there is."""


def check(spec: Spec, history: History) -> None:
    """Raise SpecRefused for a run that could not tell anything, or that would look ahead."""
    first, last = history.span
    if spec.start >= spec.end:
        raise SpecRefused("the period is reversed or empty: the start must lie before the end")
    if spec.end <= first or spec.start > last:
        raise SpecRefused("no trade was recorded between start and end")
    if not spec.select:
        missing = [wallet for wallet in spec.whales if wallet not in history.codes]
        if missing and len(missing) == len(spec.whales):
            raise SpecRefused(f"none of the {len(missing)} named wallets is in the recording")


def roster_of(
    spec: Spec, history: History, scoring: ScoringParams, progress: Progress
) -> NamedRoster | WalkForwardRoster:
    """Return who is followed when: the named wallets, or what selection knew at each date."""
    if not spec.select:
        return NamedRoster(frozenset(spec.whales))
    params = scoring_params(spec, scoring)
    return walk_forward(history, spec, params, told=lambda done, total: progress("selection", done, total))


def study(
    spec: Spec, history: History, base: Limits, scoring: ScoringParams, progress: Progress
) -> dict[str, Any]:
    """Return the report as plain values; raise SpecRefused when there is nothing to examine."""
    check(spec, history)
    progress("replay", 0, 1)
    case = prepare(
        spec, history, NamedRoster(frozenset(spec.whales)), spec.whales, spec.limits(base), spec.costs()
    )
    replayed = replay(case)
    progress("replay", 1, 1)
    return {
        "spec": spec.recorded(),
        "costs": case.costs.recorded(),
        "data": quality(history, spec.start, spec.end, replayed.outcome),
        "notices": list(history.notices),
        "performance": replayed.performance.as_json(),
        "money": money(replayed.outcome),
        "funnel": funnel(replayed.outcome),
        "exits": exits(replayed.outcome),
    }
