"""Write why a trade was refused before any position heard of it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.detection.lanes import Delivery, Kind, Lanes
from remora.detection.outlet import Unreachable
from remora.domain.ids import AccountId
from remora.domain.money import MOST, ZERO
from remora.domain.reasons import SkipReason
from remora.domain.trades import Signal
from remora.storage.case import Case
from remora.storage.failures import may_pass
from remora.storage.risk import record_skip
from remora.telemetry.metrics import Metrics
from schemas.position import position_workflow_id

RUN = "watcher"
"""Stands in for a workflow run: what the watcher refused once, it finds again after a restart."""


class Skips:
    """Queues one row per refused signal."""

    def __init__(
        self,
        engine: AsyncEngine,
        account: AccountId,
        lanes: Lanes,
        metrics: Metrics,
        *,
        now: Callable[[], datetime],
        venue_now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._account = account
        self._lanes = lanes
        self._metrics = metrics
        self._now = now
        self._venue_now = venue_now

    def push(self, signal: Signal, reason: SkipReason, detail: str) -> None:
        """Count a refusal and queue its row."""
        self._metrics.trades.labels(reason.value).inc(len(signal.trade_keys))
        case = self._case(signal)
        self._lanes.push(
            Delivery(key=f"skip/{signal.key}", kind=Kind.RECORD, act=partial(self._write, case, reason, detail))
        )

    async def _write(self, case: Case, reason: SkipReason, detail: str) -> None:
        try:
            await record_skip(self._engine, case, reason, detail.replace("\0", "")[:2000])
        except IntegrityError:
            return  # another watcher wrote the same row in this instant
        except Exception as error:
            if may_pass(error):
                raise Unreachable(f"database: {type(error).__name__}") from error
            raise

    def _case(self, signal: Signal) -> Case:
        identity = hashlib.sha256(f"{self._account}\n{signal.key}".encode()).hexdigest()[:32]
        return Case(
            account=self._account,
            workflow_id=position_workflow_id(self._account, signal.whale, signal.token_id),
            run_id=RUN,
            signal=replace(signal, price=_storable(signal.price), size=_storable(signal.size)),
            now_wall=self._now(),
            now_venue=self._venue_now(),
            decision_id=f"w-{identity}",
        )


def _storable(value: Decimal) -> Decimal:
    """Return the number, or zero for one that no column holds: the refusal's detail names it."""
    return value if value.is_finite() and abs(value) < MOST else ZERO
