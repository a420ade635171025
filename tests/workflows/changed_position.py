"""PositionWorkflow as a later version might be: it looks at the market before it registers its exits."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.positions import PositionActivities
    from schemas.position import PositionInput, PositionResult
    from schemas.position_steps import ArmAsk, Bounds
    from workflows import policies
    from workflows.position import PositionWorkflow

PATCH = "look-before-arming"


class _Looking(PositionWorkflow):
    async def _look(self) -> None:
        await workflow.execute_activity_method(
            PositionActivities.look_at_market, self._ref(), summary="look first", **policies.READ
        )


@workflow.defn(name="PositionWorkflow")
class PatchedPosition(_Looking):
    """The change as it must be made: what began before it goes on as it began."""

    @workflow.init
    def __init__(self, start: PositionInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: PositionInput) -> PositionResult:
        """Do what the position does."""
        return await super().run(start)

    async def _armed(self, ask: ArmAsk) -> Bounds:
        if workflow.patched(PATCH):
            await self._look()
        return await super()._armed(ask)


@workflow.defn(name="PositionWorkflow")
class RashPosition(_Looking):
    """The same change without a patch."""

    @workflow.init
    def __init__(self, start: PositionInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: PositionInput) -> PositionResult:
        """Do what the position does."""
        return await super().run(start)

    async def _armed(self, ask: ArmAsk) -> Bounds:
        await self._look()
        return await super()._armed(ask)
