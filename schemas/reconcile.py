"""Messages of ReconcileWorkflow."""

from remora.domain.ids import AccountId
from remora.domain.reconcile import Difference, DifferenceCode, Repair
from schemas.message import ClockMessage, Message
from schemas.position import MarketChanged, OrderChanged, PositionInput, PriceCrossed


def reconcile_workflow_id(account: AccountId) -> str:
    """Return the id of a reconciliation that a person asked for; the schedule's have the time appended."""
    return f"reconcile/{account}"


class ReconcileInput(Message):
    """Compare books, exchange and workflows; without `repair` nothing is changed."""

    account: AccountId
    mode: str
    repair: bool = True


class DifferenceMessage(Message):
    """A :class:`remora.domain.reconcile.Difference` on the wire."""

    code: DifferenceCode
    subject: str
    position_id: str | None = None
    ours: str = ""
    theirs: str = ""
    repair: Repair = Repair.NONE
    detail: str = ""

    @classmethod
    def of(cls, found: Difference) -> "DifferenceMessage":
        """Return the message for a difference."""
        return cls(
            code=found.code,
            subject=found.subject,
            position_id=found.position_id,
            ours=found.ours,
            theirs=found.theirs,
            repair=found.repair,
            detail=found.detail,
        )


class CompareAsk(Message):
    """Compare; `totals` also holds cash and shares against each other, which needs a quiet moment."""

    account: AccountId
    mode: str
    repair: bool
    totals: bool


class NewsFor(Message):
    """A crossing, a market's change or news of an order that a running position has not heard of."""

    workflow_id: str
    crossing: PriceCrossed | None = None
    market: MarketChanged | None = None
    order: OrderChanged | None = None


class Comparison(Message):
    """What was found. `orphans` are to be started, `news` to be told, by the workflow.

    `positions` counts the open ones that were looked at.
    """

    differences: tuple[DifferenceMessage, ...] = ()
    orphans: tuple[PositionInput, ...] = ()
    news: tuple[NewsFor, ...] = ()
    desk_missing: bool = False
    positions: int = 0
    clock: ClockMessage | None = None


class ReconcileResult(Message):
    """Every difference with what was done about it; `open_questions` counts those that nothing was done about."""

    account: AccountId
    positions: int
    differences: tuple[DifferenceMessage, ...]

    @property
    def open_questions(self) -> int:
        """How many differences a person has to look at."""
        return sum(found.repair is Repair.NONE for found in self.differences)
