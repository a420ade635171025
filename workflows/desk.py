"""An account's switchboard."""

from collections import deque

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.desk import DeskActivities, DeskChange
    from remora.domain.reasons import DeskMode
    from schemas.desk import DeskCommand, DeskInput, DeskState
    from workflows import policies

MAX_LENGTH = 2_000
"""Events after which a new run starts, well below the server's limits."""


@workflow.defn
class DeskWorkflow:
    """Holds both dials and mirrors them in the desk row, which the risk transaction reads."""

    @workflow.init
    def __init__(self, start: DeskInput) -> None:
        self._start = start
        self._state = start.state or DeskState()
        self._commands: deque[DeskChange] = deque()
        self._done = 0
        self._taken = 0

    @workflow.run
    async def run(self, start: DeskInput) -> None:
        """Apply commands one after another, for ever."""
        if start.state is None:
            self._state = await workflow.execute_local_activity_method(
                DeskActivities.load_state, start.account, summary="read the desk", **policies.WRITE
            )
        while True:
            await workflow.wait_condition(lambda: bool(self._commands) or self._long())
            while self._commands:
                self._state = await workflow.execute_local_activity_method(
                    DeskActivities.turn, self._commands.popleft(), summary="turn the dial", **policies.WRITE
                )
                self._done += 1
            if self._long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._commands:
                    workflow.continue_as_new(start.model_copy(update={"state": self._state}))

    def _long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() > MAX_LENGTH

    def _put(self, mode: DeskMode, command: DeskCommand) -> int:
        self._commands.append(
            DeskChange(account=self._start.account, mode=mode, by=command.by, reason=command.reason)
        )
        self._taken += 1
        return self._taken

    async def _applied(self, ticket: int) -> DeskState:
        await workflow.wait_condition(lambda: self._done >= ticket)
        return self._state

    @workflow.signal(name="pause")
    def pause_signal(self, command: DeskCommand) -> None:
        """Stop entries; exits go on."""
        self._put(DeskMode.PAUSED, command)

    @workflow.signal(name="resume")
    def resume_signal(self, command: DeskCommand) -> None:
        """Allow entries again."""
        self._put(DeskMode.TRADING, command)

    @workflow.update
    async def pause(self, command: DeskCommand) -> DeskState:
        """Stop entries; answered once the desk row says so."""
        return await self._applied(self._put(DeskMode.PAUSED, command))

    @pause.validator
    def _check_pause(self, command: DeskCommand) -> None:
        self._check(command)

    @workflow.update
    async def resume(self, command: DeskCommand) -> DeskState:
        """Allow entries again; answered once the desk row says so."""
        return await self._applied(self._put(DeskMode.TRADING, command))

    @resume.validator
    def _check_resume(self, command: DeskCommand) -> None:
        self._check(command)

    def _check(self, command: DeskCommand) -> None:
        if not command.by.strip():
            raise ApplicationError("say who turns the dial")
        if self._state.mode is DeskMode.HALTED:
            raise ApplicationError("the desk is halted: it needs an audited reset first")

    @workflow.query
    def state(self) -> DeskState:
        """Return both dials."""
        return self._state
