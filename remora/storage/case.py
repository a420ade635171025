"""A question to the risk check, and what was decided about it."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from remora.domain.ids import AccountId
from remora.domain.reasons import SkipReason
from remora.domain.trades import Signal
from remora.storage.orders import OrderRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Who asks the risk check about what, and when."""

    account: AccountId
    workflow_id: str
    run_id: str
    signal: Signal
    now_wall: datetime
    now_venue: datetime
    decision_id: str
    position_id: str | None = None
    traceparent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What was decided and the rows that carry it on; a re-run of the same workflow gets the same record."""

    decision_id: str
    outcome: str
    reason: SkipReason | None
    detail: str
    position_id: str | None = None
    order_id: str | None = None
    unproven: bool = False
    terms: dict[str, Any] = field(default_factory=dict)
    fresh_order: OrderRow | None = field(default=None, compare=False)
    """The order as this very call wrote it; None for a re-run."""


def decision_id(run_id: str, signal: Signal) -> str:
    """Return the name of a run's decision about a signal: the same however often its activity runs."""
    about = ":".join(signal.trade_keys) or signal.key
    return hashlib.sha256(f"{run_id}:{about}".encode()).hexdigest()[:20]
