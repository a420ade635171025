"""Books, exchange and workflows held against each other, and what follows from it."""

import asyncio

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.desk import DeskActivities, Lost
    from activities.reconcile import ReconcileActivities
    from remora.domain.reasons import PositionState
    from remora.domain.reconcile import DifferenceCode, Repair
    from schemas.desk import DeskInput, desk_workflow_id
    from schemas.position import PositionInput, position_workflow_id
    from schemas.reconcile import (
        CompareAsk,
        Comparison,
        DifferenceMessage,
        NewsFor,
        ReconcileInput,
        ReconcileResult,
    )
    from schemas.search_attributes import ACCOUNT, DESK_QUEUE, MARKET, MODE, POSITION_STATE, WHALE
    from workflows import policies
    from workflows.desk import DeskWorkflow
    from workflows.position import PositionWorkflow

BY = "reconcile"


@workflow.defn
class ReconcileWorkflow:
    """Repairs what has one explanation, adopts what nobody looks after, reports the rest."""

    @workflow.init
    def __init__(self, start: ReconcileInput) -> None:
        self._start = start
        self._found: dict[tuple[DifferenceCode, str], DifferenceMessage] = {}

    @workflow.run
    async def run(self, start: ReconcileInput) -> ReconcileResult:
        """Compare, act, and compare once more with totals."""
        first = await self._compare(totals=not start.repair)
        positions = first.positions
        await self._act(first)
        if start.repair:
            second = await self._compare(totals=True)
            positions = max(positions, second.positions)
            await self._act(second)
        result = ReconcileResult(
            account=start.account, positions=positions, differences=tuple(self._found.values())
        )
        workflow.set_current_details(_story(result))
        return result

    async def _compare(self, *, totals: bool) -> Comparison:
        ask = CompareAsk(
            account=self._start.account, mode=self._start.mode, repair=self._start.repair, totals=totals
        )
        found = await workflow.execute_activity_method(
            ReconcileActivities.compare,
            ask,
            summary="compare books, exchange and workflows",
            **policies.RECONCILE,
        )
        for difference in found.differences:
            self._note(difference)
        return found

    def _note(self, difference: DifferenceMessage) -> bool:
        """Remember a difference; False if it is known already."""
        if not self._start.repair:
            difference = difference.model_copy(update={"repair": Repair.NONE})
        key = (difference.code, difference.subject)
        known = self._found.get(key)
        if known is None or known.repair is Repair.NONE:
            # what could not be repaired at first may have been since
            self._found[key] = difference
        return known is None

    async def _act(self, found: Comparison) -> None:
        """Adopt first, so that news reach those adopted too."""
        if found.desk_missing:
            await self._restart_desk()
        await asyncio.gather(*(self._adopt(orphan) for orphan in found.orphans))
        if self._start.repair:
            await asyncio.gather(*(self._tell(news) for news in found.news))

    async def _adopt(self, orphan: PositionInput) -> None:
        assert orphan.adopt_position_id is not None
        fresh = self._note(
            DifferenceMessage(
                code=DifferenceCode.ORPHANED_POSITION,
                subject=orphan.adopt_position_id,
                position_id=orphan.adopt_position_id,
                ours="open",
                theirs="no workflow runs",
                repair=Repair.ADOPTED,
            )
        )
        if not (self._start.repair and fresh):
            return
        first = orphan.first
        try:
            await workflow.start_child_workflow(
                PositionWorkflow.run,
                orphan,
                id=position_workflow_id(orphan.account, first.whale, first.token_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"adopted {orphan.adopt_position_id}",
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(ACCOUNT, orphan.account),
                        SearchAttributePair(WHALE, first.whale),
                        SearchAttributePair(MARKET, first.condition_id),
                        SearchAttributePair(POSITION_STATE, PositionState.SIGNALLED.value),
                        SearchAttributePair(MODE, orphan.mode),
                    ]
                ),
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("somebody looks after %s by now", orphan.adopt_position_id)

    async def _tell(self, news: NewsFor) -> None:
        other = workflow.get_external_workflow_handle(news.workflow_id)
        try:
            if news.crossing is not None:
                await other.signal(PositionWorkflow.price_crossed, news.crossing)
            if news.market is not None:
                await other.signal(PositionWorkflow.market_changed, news.market)
            if news.order is not None:
                await other.signal(PositionWorkflow.order_changed, news.order)
        except FailureError:
            workflow.logger.info("%s has ended meanwhile", news.workflow_id)

    async def _restart_desk(self) -> None:
        """Start a desk that somebody terminated, with entries paused until a person looks."""
        account = self._start.account
        fresh = self._note(
            DifferenceMessage(
                code=DifferenceCode.DESK_MISSING,
                subject=account,
                theirs="no workflow runs",
                repair=Repair.RESTARTED,
                detail="entries are paused: remora resume allows them again",
            )
        )
        if not (self._start.repair and fresh):
            return
        lost = Lost(account=account, by=BY, reason="the desk's workflow had been terminated")
        await workflow.execute_local_activity_method(
            DeskActivities.restart_desk, lost, summary="begin in the safest mode", **policies.WRITE
        )
        try:
            await workflow.start_child_workflow(
                DeskWorkflow.run,
                DeskInput(account=account, mode=self._start.mode),
                id=desk_workflow_id(account),
                task_queue=DESK_QUEUE,
                search_attributes=TypedSearchAttributes(
                    [SearchAttributePair(ACCOUNT, account), SearchAttributePair(MODE, self._start.mode)]
                ),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"desk of {account} ({self._start.mode})",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("the desk runs by now")


def _story(result: ReconcileResult) -> str:
    lines = [f"### {result.positions} open positions, {len(result.differences)} differences"]
    lines += [
        f"- `{found.code.value}` {found.subject}: {found.repair.value} {found.detail}"
        for found in result.differences[:20]
    ]
    return "\n".join(lines)
