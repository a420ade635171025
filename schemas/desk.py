"""Messages of DeskWorkflow."""

from datetime import datetime
from decimal import Decimal

from remora.domain.desk import DeskOrder
from remora.domain.ids import AccountId
from remora.domain.reasons import DeskMode
from schemas.message import Message, News


def desk_workflow_id(account: AccountId) -> str:
    """Return the id of an account's switchboard."""
    return f"desk/{account}"


class DeskState(Message):
    """Both dials of the desk, who last turned the mode, and the standing at the last look (dollars).

    `revision` counts the turns of the dials; `reducing` says that not every position has heard of a reduction.
    """

    mode: DeskMode = DeskMode.TRADING
    scale: Decimal = Decimal(1)
    changed_at: datetime | None = None
    changed_by: str = ""
    reason: str = ""
    revision: int = 0
    reducing: bool = False
    equity: Decimal | None = None
    day_start_equity: Decimal | None = None
    high_water_mark: Decimal | None = None


class DeskCommand(Message):
    """Update and signal `pause`, `resume`, `halt`, `reset` or `flatten`: who wants it and why.

    `force` is for `reset` alone: accept today's loss and measure from here on.
    """

    by: str
    reason: str = ""
    force: bool = False


class PendingOrder(Message):
    """A command that was taken and not carried out yet; `key` makes carrying it out twice impossible."""

    key: str
    order: DeskOrder
    command: DeskCommand


class DeskInput(Message):
    """Start of a desk.

    `state` is given by continue-as-new only, else the desk row is read. `lost` says why a desk that had a workflow
    needs a new one: it begins in the safest mode. A new run starts after `events_max` events, well below the
    server's limits.
    """

    account: AccountId
    mode: str
    state: DeskState | None = None
    lost: str = ""
    events_max: int = 2_000


class LookAgain(News):
    """Signal `look_again`: the watcher saw equity or the calendar reach something that turns a dial."""

    cause: str
    seen_at: datetime
