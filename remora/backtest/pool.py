"""Replays in parallel: each worker process holds the prepared case once and is then told only what to vary."""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.util import Finalize
from typing import Any, Protocol

from remora.backtest.controls import random_wallets, reversed_side, shifted
from remora.backtest.costs import FillLevel, Latency
from remora.backtest.history import History
from remora.backtest.run import Case, Replayed, replay, uncollected
from remora.backtest.simulate import Grouping, simulate
from remora.backtest.spec import changed
from remora.domain.limits import Limits


@dataclass(frozen=True, slots=True)
class Job:
    """One replay to be made: a kind and what it varies."""

    kind: str
    number: int = 0
    value: Any = None


class Work(Protocol):
    """What jobs have in common: each process gets it once."""

    def do(self, job: Job) -> Any:
        """Return what a job comes to."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What every variation of an examination needs."""

    case: Case
    history: History
    followed: frozenset[str]
    base: Limits
    group: Grouping

    def do(self, job: Job) -> Any:
        """Return what a variation comes to."""
        return perform(self, job)


def perform(shared: Shared, job: Job) -> Any:
    """Do a job; return rows for simulations, daily profits with counts for everything else."""
    with uncollected():  # what a replay made is gone before the collector could look at it
        return _performed(shared, job)


def _performed(shared: Shared, job: Job) -> Any:
    case, history, followed = shared.case, shared.history, shared.followed
    match job.kind:
        case "simulation":
            return simulate(case, shared.group, job.number)
        case "random":
            return told(random_wallets(case, history, followed, job.number))
        case "reversed":
            return told(reversed_side(case, history, followed))
        case "shifted":
            return told(shifted(case, job.value))
        case "fills":
            return told(replay(replace(case, costs=replace(case.costs, level=FillLevel(job.value))), record=False))
        case "latency":
            return told(replay(_later(case, job.value), record=False))
        case "policy":
            limits = changed(case.limits, job.value)
            return told(replay(replace(case, limits=limits), record=False))
    raise ValueError(f"unknown kind of job {job.kind!r}")


def told(made: Replayed) -> dict[str, Any]:
    """Return what a variant came to, small enough to send between processes."""
    filled = made.outcome.filled
    return {
        "daily": made.daily,
        "positions": len(filled),
        "bought": sum(float(holding.books.bought_notional) for holding in filled),
    }


def _later(case: Case, seconds: float) -> Case:
    """Delay everything; the age limit moves along, or there would be nothing to see."""
    age = case.limits.signal_age_max + timedelta(seconds=seconds)
    return replace(
        case,
        costs=replace(case.costs, latency=Latency.fixed(seconds)),
        limits=replace(case.limits, signal_age_max=age),
    )


LAST = -1000
_given: list[Work] = []


def _begin(work: Work) -> None:
    _given[:] = [work]
    # ends without the interpreter's own end, at which libraries complain about what they have not given back
    Finalize(None, os._exit, args=(0,), exitpriority=LAST)
    gc.freeze()  # the recording stays: no collection need look at it


def _work(job: Job) -> Any:
    return _given[0].do(job)


def run_jobs(work: Work, jobs: Sequence[Job], *, workers: int, done: Callable[[Job, Any], None]) -> None:
    """Do every job and hand over each result as it comes; `workers` of 1 stays in this process."""
    if workers <= 1 or len(jobs) < 2:
        for job in jobs:
            done(job, work.do(job))
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(work,)) as executor:
        try:
            for job, result in _as_they_come(executor, jobs, ahead=4 * workers):
                done(job, result)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _as_they_come(executor: ProcessPoolExecutor, jobs: Sequence[Job], *, ahead: int) -> Iterator[tuple[Job, Any]]:
    waiting: dict[Future[Any], Job] = {}
    coming = iter(jobs)
    while True:
        for job in coming:
            waiting[executor.submit(_work, job)] = job
            if len(waiting) >= ahead:
                break
        if not waiting:
            return
        ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in ready:
            yield waiting.pop(future), future.result()


def cores() -> int:
    """Return how many processes may run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
