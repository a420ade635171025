"""Hand what the watcher detected to position workflows, with the trace that began at the first byte."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from remora.detection.outlet import Crossing, MarketChange, OrderChange, Unreachable
from remora.domain.clock import VenueClock
from remora.domain.ids import AccountId
from remora.domain.money import Side
from remora.domain.trades import Signal
from remora.telemetry.tracing import carried, link_to
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
    """Starts and signals positions through one client.

    A signal's span has a trace of its own, because hours may have passed; it links to the trace in which the
    position was entered, which `entered_in` gives by workflow id.
    """

    def __init__(
        self,
        client: Client,
        account: AccountId,
        *,
        mode: str,
        tracer: trace.Tracer,
        entered_in: Callable[[str], str] = lambda _workflow_id: "",
    ) -> None:
        self._client = client
        self._account = account
        self._mode = mode
        self._tracer = tracer
        self._entered_in = entered_in

    async def whale_traded(self, signal: Signal, clock: VenueClock) -> bool:
        """Start or signal the position of a purchase; signal that of a sale, False when none runs."""
        workflow_id = position_workflow_id(self._account, signal.whale, signal.token_id)
        attributes: dict[str, str | int] = {
            "remora.whale": signal.whale,
            "remora.token.id": signal.token_id,
            "remora.signal.side": signal.side.value,
            "remora.signal.source": signal.source.value,
            "remora.signal.trades": len(signal.trade_keys),
        }
        with self._span("whale.traded", signal.seen_at, workflow_id, **attributes):
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
        attributes = {
            "remora.position.id": crossing.position_id,
            "remora.crossing.kind": crossing.kind.value,
            "remora.crossing.price": str(crossing.executable_price),
        }
        with self._span("price.crossed", crossing.seen_at, crossing.workflow_id, **attributes):
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
        attributes = {"remora.order.digest": change.digest}
        with self._span("order.changed", change.seen_at, change.workflow_id, **attributes):
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
        attributes = {"remora.market.id": change.condition_id, "remora.market.resolution": change.resolution.value}
        with self._span("market.changed", change.seen_at, change.workflow_id, **attributes):
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

    def _span(self, name: str, began: datetime, workflow_id: str, **attributes: str | int) -> Any:
        return self._tracer.start_as_current_span(
            name,
            context=Context(),  # a trace of its own, whatever this task does besides
            kind=trace.SpanKind.CONSUMER,
            start_time=int(began.timestamp() * 1_000_000_000),
            attributes={"remora.workflow.id": workflow_id, **attributes},
            links=link_to(self._entered_in(workflow_id)),
        )


def _translated(error: RPCError) -> Exception:
    return error if error.status in REFUSED else Unreachable(f"Temporal: {error.status.name} {error.message}")
