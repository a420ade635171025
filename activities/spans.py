"""What the spans of decisions and orders say, under names of our own namespace."""

from remora.domain.orders import Accepted, Rejected, SendOutcome
from remora.storage.case import DecisionRecord
from remora.storage.orders import OrderRow

Attributes = dict[str, str | float]


def decision_attributes(record: DecisionRecord) -> Attributes:
    """Return what was decided and why."""
    found: Attributes = {"remora.decision.id": record.decision_id, "remora.decision.outcome": record.outcome}
    if record.reason is not None:
        found["remora.decision.reason"] = record.reason.value
    if record.position_id is not None:
        found["remora.position.id"] = record.position_id
    return found


def order_attributes(order: OrderRow) -> Attributes:
    """Return which order it is; never its signature."""
    request = order.request
    found: Attributes = {
        "remora.order.id": order.id,
        "remora.order.purpose": order.purpose.value,
        "remora.order.side": request.side.value,
        "remora.order.shares": float(request.shares),
        "remora.order.limit_price": float(request.limit_price),
        "remora.position.id": order.position_id,
        "remora.token.id": request.token_id,
    }
    if order.exit_reason is not None:
        found["remora.exit.reason"] = order.exit_reason.value
    return found


def outcome_attributes(outcome: SendOutcome) -> Attributes:
    """Return what the venue said."""
    found: Attributes = {"remora.order.digest": outcome.digest}
    if isinstance(outcome, Accepted):
        found |= {"remora.order.outcome": "accepted", "remora.order.matched_shares": float(outcome.matched_shares)}
    elif isinstance(outcome, Rejected):
        found |= {"remora.order.outcome": "rejected", "error.type": outcome.code}
    else:
        found |= {"remora.order.outcome": "unknown", "error.type": "unknown"}
    return found
