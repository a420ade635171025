"""An account's switchboard."""

import asyncio
from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.desk import DeskActivities, DeskAnswer, DeskChange, Lost
    from remora.domain.desk import DeskOrder
    from schemas.desk import DeskCommand, DeskInput, DeskState, LookAgain, PendingOrder
    from workflows import policies
    from workflows.desk_story import story

LOOK_EVERY = timedelta(minutes=1)
"""The limits are judged this often even when no watcher runs."""

CANCELLED = DeskCommand(by="temporal", reason="the desk's workflow was cancelled")


@workflow.defn
class DeskWorkflow:
    """Holds both dials and mirrors them in the desk row, which the risk transaction reads.

    Orders are carried out one after another; beside them the limits are judged, and reductions told to positions.
    """

    @workflow.init
    def __init__(self, start: DeskInput) -> None:
        self._start = start
        self._state = start.state or DeskState()
        self._orders: deque[PendingOrder] = deque()
        self._answers: dict[str, DeskAnswer] = {}
        self._awaited: set[str] = set()
        self._taken = 0
        self._look = True
        self._telling = False
        self._told = 0

    @workflow.run
    async def run(self, start: DeskInput) -> None:
        """Serve for ever; cancelled, it stops entries before it ends."""
        try:
            await self._open()
            guard = asyncio.create_task(self._guard())

            def over() -> bool:
                return guard.done() and workflow.all_handlers_finished()

            while not over() or self._orders:
                await workflow.wait_condition(lambda: bool(self._orders) or over())
                await self._obey_all()
            await guard
        except asyncio.CancelledError:
            self._put(DeskOrder.PAUSE, CANCELLED)
            await self._obey_all()
            raise
        workflow.continue_as_new(start.model_copy(update={"state": self._state, "lost": ""}))

    async def _open(self) -> None:
        if self._start.state is not None:
            self._adopt(self._start.state)
        elif self._start.lost:
            lost = Lost(account=self._start.account, reason=self._start.lost)
            self._adopt(
                await workflow.execute_local_activity_method(
                    DeskActivities.restart_desk, lost, summary="begin in the safest mode", **policies.WRITE
                )
            )
        else:
            self._adopt(
                await workflow.execute_local_activity_method(
                    DeskActivities.load_state, self._start.account, summary="read the desk", **policies.WRITE
                )
            )

    async def _obey_all(self) -> None:
        while self._orders:
            asked = self._orders[0]
            answer = await workflow.execute_local_activity_method(
                DeskActivities.turn,
                DeskChange(account=self._start.account, ask=asked),
                summary=f"{asked.command.by}: {asked.order.value}",
                **policies.WRITE,
            )
            self._orders.popleft()
            if asked.key in self._awaited:
                self._answers[asked.key] = answer
            self._adopt(answer.state)

    # limits

    async def _guard(self) -> None:
        """Judge the limits when told to and every minute; tell positions of a reduction until all know."""
        while not self._long():
            await self._sleep()
            if self._long():
                return
            if self._look:
                self._look = False
                self._adopt(
                    await workflow.execute_local_activity_method(
                        DeskActivities.assess, self._start.account, summary="judge the limits", **policies.WRITE
                    )
                )
            if self._state.reducing:
                await self._tell()

    async def _sleep(self) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._look or self._telling or self._long(),
                timeout=LOOK_EVERY,
                timeout_summary="look again even if nobody asks",
            )
        except TimeoutError:
            self._look = True

    async def _tell(self) -> None:
        self._telling = False
        self._adopt(
            await workflow.execute_activity_method(
                DeskActivities.tell_reductions,
                self._start.account,
                summary="tell every position to reduce",
                **policies.ORDER,
            )
        )
        self._told += 1

    def _adopt(self, state: DeskState) -> None:
        """Take the row's newest word; an answer that was overtaken by a later turn changes nothing."""
        if state.revision < self._state.revision:
            return
        if state.equity is None:
            seen = self._state.model_dump(include={"equity", "day_start_equity", "high_water_mark"})
            state = state.model_copy(update=seen)
        self._telling = self._telling or (state.reducing and state.revision > self._state.revision)
        self._state = state
        workflow.set_current_details(story(state))

    def _long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > self._start.events_max

    # orders

    def _put(self, order: DeskOrder, command: DeskCommand) -> str:
        self._taken += 1
        key = f"{workflow.info().run_id}:{self._taken}"
        self._orders.append(PendingOrder(key=key, order=order, command=command))
        return key

    async def _answered(self, order: DeskOrder, command: DeskCommand) -> DeskState:
        key = self._put(order, command)
        self._awaited.add(key)
        await workflow.wait_condition(lambda: key in self._answers)
        self._awaited.remove(key)
        answer = self._answers.pop(key)
        if answer.refused is not None:
            raise ApplicationError(answer.refused, type="Refused")
        return answer.state

    def _check(self, command: DeskCommand) -> None:
        if not command.by.strip():
            raise ApplicationError("say who turns the dial")

    @workflow.signal
    def look_again(self, hint: LookAgain) -> None:
        """Judge the limits now."""
        self._look = True

    @workflow.signal(name="pause")
    def pause_signal(self, command: DeskCommand) -> None:
        """Stop entries; exits go on."""
        self._put(DeskOrder.PAUSE, command)

    @workflow.signal(name="resume")
    def resume_signal(self, command: DeskCommand) -> None:
        """Allow entries again after a pause."""
        self._put(DeskOrder.RESUME, command)

    @workflow.signal(name="halt")
    def halt_signal(self, command: DeskCommand) -> None:
        """Stop entries until a reset; exits go on."""
        self._put(DeskOrder.HALT, command)

    @workflow.signal(name="reset")
    def reset_signal(self, command: DeskCommand) -> None:
        """Allow entries again after a halt."""
        self._put(DeskOrder.RESET, command)

    @workflow.signal(name="flatten")
    def flatten_signal(self, command: DeskCommand) -> None:
        """Stop entries and close every position."""
        self._put(DeskOrder.FLATTEN, command)

    @workflow.update
    async def pause(self, command: DeskCommand) -> DeskState:
        """Stop entries; answered once the desk row says so."""
        return await self._answered(DeskOrder.PAUSE, command)

    @pause.validator
    def _check_pause(self, command: DeskCommand) -> None:
        self._check(command)

    @workflow.update
    async def resume(self, command: DeskCommand) -> DeskState:
        """Allow entries again; answered once the desk row says so."""
        return await self._answered(DeskOrder.RESUME, command)

    @resume.validator
    def _check_resume(self, command: DeskCommand) -> None:
        self._check(command)

    @workflow.update
    async def halt(self, command: DeskCommand) -> DeskState:
        """Stop entries until a reset; answered once the desk row says so."""
        return await self._answered(DeskOrder.HALT, command)

    @halt.validator
    def _check_halt(self, command: DeskCommand) -> None:
        self._check(command)

    @workflow.update
    async def reset(self, command: DeskCommand) -> DeskState:
        """Allow entries again after a halt; refused while the day's loss holds, unless forced."""
        return await self._answered(DeskOrder.RESET, command)

    @reset.validator
    def _check_reset(self, command: DeskCommand) -> None:
        self._check(command)
        if not command.reason.strip():
            raise ApplicationError("a reset needs a reason, for the record")

    @workflow.update
    async def flatten(self, command: DeskCommand) -> DeskState:
        """Stop entries and close every position; answered once every position with a workflow was told."""
        before = self._told
        await self._answered(DeskOrder.FLATTEN, command)
        await workflow.wait_condition(lambda: not self._state.reducing or self._told > before or self._long())
        return self._state

    @flatten.validator
    def _check_flatten(self, command: DeskCommand) -> None:
        self._check(command)

    @workflow.query
    def state(self) -> DeskState:
        """Return both dials."""
        return self._state
