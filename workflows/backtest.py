"""A grid of policies, replayed in parts on every machine that polls the research queue."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.backtests import BacktestActivities
    from schemas.backtest import SweepAsk, SweepInput, SweepProgress

PART_MAX = timedelta(minutes=30)
"""A part is a few points, each a second or a minute of a recording of months."""

HEARTBEAT = timedelta(seconds=15)
"""A machine that was lost costs this long before its part goes to another."""

RETRIES = RetryPolicy(maximum_attempts=5)


@workflow.defn
class BacktestWorkflow:
    """Fans out and gathers; the numbers are those of the same grid on one machine."""

    def __init__(self) -> None:
        self._progress = SweepProgress()

    @workflow.run
    async def run(self, start: SweepInput) -> SweepProgress:
        """Replay every point. The rows stay in the parts' answers: together they may be too large to return."""
        points = start.ask.points
        parts = [points[at : at + start.shard] for at in range(0, len(points), start.shard)]
        self._progress = SweepProgress(total=len(points))
        await asyncio.gather(
            *(self._part(start.ask.model_copy(update={"points": part}), n) for n, part in enumerate(parts))
        )
        return self._progress

    async def _part(self, ask: SweepAsk, number: int) -> None:
        await workflow.execute_activity_method(
            BacktestActivities.replay_points,
            ask,
            summary=f"part {number + 1}: {len(ask.points)} points",
            start_to_close_timeout=PART_MAX,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
        )
        done = self._progress.done + len(ask.points)
        self._progress = self._progress.model_copy(update={"done": done})
        workflow.set_current_details(f"{done} of {self._progress.total} points replayed")

    @workflow.query
    def progress(self) -> SweepProgress:
        """Return how far the sweep is."""
        return self._progress
