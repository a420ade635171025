"""Every wallet scored again: shards over all machines that poll, one roster at the end."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.scoring import ScoringActivities
    from schemas.rescore import (
        Plan,
        PlanAsk,
        RescoreInput,
        RescoreProgress,
        RescoreResult,
        RunAsk,
        ShardAsk,
    )
    from workflows import policies


@workflow.defn
class RescoreWorkflow:
    """Plans, fans out, publishes. What a shard found is in the database, only counts are in the history."""

    def __init__(self) -> None:
        self._progress = RescoreProgress()

    @workflow.run
    async def run(self, start: RescoreInput) -> RescoreResult:
        """Score everybody and publish the roster."""
        info = workflow.info()
        run = f"{info.workflow_id}/{info.run_id}"
        if start.pull:
            self._tell(stage="pulling")
            await workflow.execute_activity_method(
                ScoringActivities.refresh, RunAsk(run=run), summary="read the public history", **policies.PULL
            )
        self._tell(stage="planning")
        plan = await workflow.execute_activity_method(
            ScoringActivities.plan,
            PlanAsk(run=run, as_of=start.as_of, shards=start.shards, rank_by=start.rank_by),
            summary="count the wallets",
            **policies.RESEARCH,
        )
        self._tell(stage="scoring", shards=plan.shards, wallets=plan.wallets)
        await asyncio.gather(self._score(plan), self._learn(plan))
        self._tell(stage="publishing")
        result = await workflow.execute_activity_method(
            ScoringActivities.publish, RunAsk(run=run), summary="compare, publish the roster", **policies.RESEARCH
        )
        self._tell(stage="published")
        workflow.set_current_details(_story(result))
        return result

    async def _score(self, plan: Plan) -> None:
        asks = [ShardAsk(run=plan.run, number=number, count=plan.shards) for number in range(plan.shards)]
        await asyncio.gather(*(self._shard(ask) for ask in asks))

    async def _learn(self, plan: Plan) -> None:
        if workflow.patched("learned-model"):
            await workflow.execute_activity_method(
                ScoringActivities.learn,
                RunAsk(run=plan.run),
                summary="judge the learned model",
                **policies.RESEARCH,
            )

    async def _shard(self, ask: ShardAsk) -> None:
        done = await workflow.execute_activity_method(
            ScoringActivities.score, ask, summary=f"shard {ask.number + 1} of {ask.count}", **policies.RESEARCH
        )
        self._tell(
            shards_done=self._progress.shards_done + 1, wallets_done=self._progress.wallets_done + done.wallets
        )

    def _tell(self, **changed: object) -> None:
        self._progress = self._progress.model_copy(update=changed)
        at = self._progress
        workflow.set_current_details(
            f"{at.stage}: {at.shards_done} of {at.shards} shards, {at.wallets_done} of {at.wallets} wallets"
        )

    @workflow.query
    def progress(self) -> RescoreProgress:
        """Return where the run stands."""
        return self._progress


def _story(result: RescoreResult) -> str:
    lines: Sequence[str] = [f"* {gate}: {count}" for gate, count in result.funnel.items()]
    head = (
        f"roster {result.roster_version}: {result.active} active, {result.probation} on probation, "
        f"{result.demoted} demoted; {result.wallets} wallets as of {result.as_of.isoformat()}"
    )
    return "\n".join([head, f"learned model: {result.learned_model}", *lines])
