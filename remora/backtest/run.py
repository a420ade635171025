"""One replay of a recording by a configuration."""

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from remora.backtest.batch import Batch, whole
from remora.backtest.costs import Costs
from remora.backtest.engine import Engine, Roster
from remora.backtest.history import Floats, History
from remora.backtest.outcome import Outcome
from remora.backtest.performance import Performance, performance, pnl_matrix
from remora.backtest.spec import Spec
from remora.domain.limits import Limits


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A recording made ready, who is followed, and the policy: what every replay of a run shares."""

    spec: Spec
    batch: Batch
    roster: Roster
    limits: Limits
    costs: Costs


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """The outcome of one replay and its daily profits, one row per filled position."""

    outcome: Outcome
    matrix: Floats

    @property
    def daily(self) -> Floats:
        """Return the account's profit of each day."""
        total: Floats = self.matrix.sum(0)
        return total

    @property
    def performance(self) -> Performance:
        """Return what the path came to."""
        return performance(self.daily, self.outcome.capital)


def prepare(
    spec: Spec, history: History, roster: Roster, followed: Collection[str], limits: Limits, costs: Costs
) -> Case:
    """Make a recording ready for a configuration; wallets that are not in it are passed over."""
    codes = [history.codes[wallet] for wallet in followed if wallet in history.codes]
    with uncollected():
        batch = whole(history, codes, spread_ticks=spec.spread_ticks)
        batch.tracks.make()
    return Case(spec, batch, roster, limits, costs)


def replay(case: Case, *, seed: tuple[int, ...] = (), record: bool = True, costs: Costs | None = None) -> Replayed:
    """Replay once; another `seed` draws other latencies and fills."""
    spec = case.spec
    engine = Engine(
        roster=case.roster,
        limits=case.limits,
        costs=costs or case.costs,
        capital=Decimal(repr(spec.capital)),
        start=spec.start,
        end=spec.end,
        rng=np.random.default_rng([spec.seed, *seed]),
        record=record,
    )
    with uncollected():
        outcome = engine.run([case.batch])
        return Replayed(outcome, pnl_matrix(outcome, case.batch.tracks))


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave cycles to a later collection: a replay makes thousands of values and hardly a cycle among them.

    What was made counts as old afterwards: the next collection of young values need not look at it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def with_costs(case: Case, **changes: object) -> Case:
    """Return the case under other assumptions about execution."""
    return replace(case, costs=replace(case.costs, **changes))  # type: ignore[arg-type]
