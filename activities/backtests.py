"""Parts of a grid, replayed in a process pool."""

import asyncio
from concurrent.futures import Executor
from datetime import timedelta
from functools import lru_cache
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.tools import heartbeating
from remora.backtest.pool import Shared
from remora.backtest.sources import DataUnusable
from remora.backtest.spec import Spec, SpecRefused, changed
from remora.backtest.sweep import Source, replay_point, shared_of
from remora.domain.limits import Limits
from remora.statistics.scoring_params import RankBy, ScoringParams
from schemas.backtest import SweepAsk, SweepRows


class BacktestActivities:
    """Replays points of a grid; each machine reads the recording itself."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    @activity.defn
    async def replay_points(self, ask: SweepAsk) -> SweepRows:
        """Replay a part of a grid; a machine whose recording differs refuses for good."""
        loop = asyncio.get_running_loop()
        async with heartbeating():
            try:
                rows = await loop.run_in_executor(self._pool, replay_part, ask.model_dump())
            except (DataUnusable, SpecRefused) as error:
                raise ApplicationError(str(error), type="Refused", non_retryable=True) from error
        return SweepRows(rows=rows)


def replay_part(ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Replay points in a process of its own; raise DataUnusable or SpecRefused."""
    shared = _shared(_frozen(ask["source"]), _frozen(ask["spec"]), _frozen(ask["limits"]), _frozen(ask["scoring"]))
    if shared.history.fingerprint != ask["fingerprint"]:
        raise DataUnusable(
            f"this machine's recording is {shared.history.fingerprint}, expected {ask['fingerprint']}: "
            "give every research worker the same files"
        )
    return [replay_point(shared, point) for point in ask["points"]]


Frozen = tuple[tuple[str, Any], ...]


def _frozen(values: dict[str, Any]) -> Frozen:
    return tuple(
        (name, tuple(value) if isinstance(value, list) else _frozen(value) if isinstance(value, dict) else value)
        for name, value in sorted(values.items())
    )


@lru_cache(maxsize=2)
def _shared(source: Frozen, spec: Frozen, limits: Frozen, scoring: Frozen) -> Shared:
    """Read and prepare once per process: parts of one grid share everything."""
    wanted = dict(spec)
    wanted["policy"], wanted["selection"] = dict(wanted["policy"]), dict(wanted["selection"])
    params = dict(scoring)
    params["latency"], params["rank_by"] = timedelta(seconds=params["latency"]), RankBy(params["rank_by"])
    return shared_of(
        Spec(**wanted), Source(**dict(source)).read(), changed(Limits(), dict(limits)), ScoringParams(**params)
    )
