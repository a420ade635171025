"""Hand what the watcher detected to position workflows, with the trace that began at the first byte."""

from datetime import datetime
from typing import Any

import structlog
from opentelemetry import trace
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from remora.detection.outlet import Crossing, MarketChange, OrderChange, Unreachable
from remora.domain.clock import VenueClock
from remora.domain.ids import AccountId
from remora.domain.money import Side
from remora.domain.trades import Signal
from remora.telemetry.tracing import carried
from schemas.desk import LookAgain, desk_workflow_id
from schemas.message import ClockMessage
from schemas.position import (
    MarketChanged,
    OrderChanged,
    PositionInput,
    PriceCrossed,
    SignalMessage,
    position_workflow_id,
)
from starters.position import deliver_signal

log = structlog.get_logger(__name__)

REFUSED = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)


class TemporalOutlet:
    """Starts and signals positions through one client."""

    def __init__(self, client: Client, account: AccountId, *, mode: str, tracer: trace.Tracer) -> None:
        self._client = client
        self._account = account
        self._mode = mode
        self._tracer = tracer

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Start or signal the position of a purchase; signal that of a sale, False when none runs."""
        workflow_id = position_workflow_id(self._account, signal.whale, signal.token_id)
        with self._span("whale.traded", signal.seen_at, side=signal.side.value, trades=len(signal.trade_keys)):
            message = SignalMessage.of(signal, carried())
            if signal.side is Side.SELL:
                return await self._signal(workflow_id, "whale_traded", message)
            start = PositionInput(
                account=self._account, mode=self._mode, clock=ClockMessage.of(clock), first=message
            )
            try:
                await deliver_signal(self._client, start)
            except RPCError as error:
                raise _translated(error) from error
            return True

    async def price_crossed(self, crossing: Crossing) -> None:
        """Signal a crossing."""
        with self._span("price.crossed", crossing.seen_at, kind=crossing.kind.value):
            message = PriceCrossed(
                position_id=crossing.position_id,
                kind=crossing.kind,
                executable_price=crossing.executable_price,
                updates=crossing.updates,
                seen_at=crossing.seen_at,
                trace=carried(),
            )
            await self._signal(crossing.workflow_id, "price_crossed", message)

    async def order_changed(self, change: OrderChange) -> None:
        """Signal news of an order."""
        message = OrderChanged(digest=change.digest, seen_at=change.seen_at)
        await self._signal(change.workflow_id, "order_changed", message)

    async def market_changed(self, change: MarketChange) -> None:
        """Signal new facts of a market."""
        message = MarketChanged(
            condition_id=change.condition_id,
            accepting_orders=change.accepting_orders,
            closed=change.closed,
            resolution=change.resolution,
            seen_at=change.seen_at,
        )
        await self._signal(change.workflow_id, "market_changed", message)

    async def desk_should_look(self, cause: str, seen_at: datetime) -> None:
        """Signal the desk to judge its limits now."""
        await self._signal(desk_workflow_id(self._account), "look_again", LookAgain(cause=cause, seen_at=seen_at))

    async def _signal(self, workflow_id: str, name: str, message: Any) -> bool:
        try:
            await self._client.get_workflow_handle(workflow_id).signal(name, message)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                log.info("signal.nobody", workflow=workflow_id, signal=name)
                return False
            raise _translated(error) from error
        return True

    def _span(self, name: str, began: datetime, **attributes: str | int) -> Any:
        start = int(began.timestamp() * 1_000_000_000)
        return self._tracer.start_as_current_span(name, start_time=start, attributes=attributes)


def _translated(error: RPCError) -> Exception:
    return error if error.status in REFUSED else Unreachable(f"Temporal: {error.status.name} {error.message}")
