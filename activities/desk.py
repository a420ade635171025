"""The desk row as the mirror of the desk's workflow."""

from temporalio import activity

from activities.tools import Tools
from remora.domain.ids import AccountId
from remora.domain.reasons import DeskMode
from remora.storage import desk as desks
from remora.storage.desk import DeskRow
from schemas.desk import DeskState
from schemas.message import Message


class DeskChange(Message):
    """A turn of the mode dial."""

    account: AccountId
    mode: DeskMode
    by: str
    reason: str


class DeskActivities:
    """Reads and turns the dials in the desk row, with an audit entry per turn."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    async def load_state(self, account: AccountId) -> DeskState:
        """Return the dials as stored."""
        return _state(await desks.load_desk(self._tools.engine, account))

    @activity.defn
    async def turn(self, change: DeskChange) -> DeskState:
        """Turn the mode dial; a repeated call changes nothing."""
        row = await desks.set_desk_mode(
            self._tools.engine,
            change.account,
            mode=change.mode,
            by=change.by,
            reason=change.reason,
            now=self._tools.wall(),
        )
        return _state(row)


def _state(row: DeskRow) -> DeskState:
    return DeskState(
        mode=row.mode, scale=row.scale, changed_at=row.changed_at, changed_by=row.changed_by, reason=row.reason
    )
