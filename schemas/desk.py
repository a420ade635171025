"""Messages of DeskWorkflow."""

from datetime import datetime
from decimal import Decimal

from remora.domain.ids import AccountId
from remora.domain.reasons import DeskMode
from schemas.message import Message


def desk_workflow_id(account: AccountId) -> str:
    """Return the id of an account's switchboard."""
    return f"desk/{account}"


class DeskState(Message):
    """Both dials of the desk and who last turned them; also what continue-as-new carries over."""

    mode: DeskMode = DeskMode.TRADING
    scale: Decimal = Decimal(1)
    changed_at: datetime | None = None
    changed_by: str = ""
    reason: str = ""


class DeskInput(Message):
    """Start of a desk; `state` is given by continue-as-new only, else the desk row is read."""

    account: AccountId
    mode: str
    state: DeskState | None = None


class DeskCommand(Message):
    """Update and signal `pause` or `resume`: who wants it and why."""

    by: str
    reason: str = ""
