"""Everything that may be said to or asked of a position."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from remora.domain.reasons import PositionState
    from schemas.position import (
        AdjustExitsRequest,
        CloseRequest,
        MarketChanged,
        OrderChanged,
        PositionSnapshot,
        PriceCrossed,
        Reduce,
        ResolveUnknownRequest,
        SignalMessage,
    )
    from workflows.position_steps import PositionSteps

SETTLED = (
    PositionState.SKIPPED,
    PositionState.UNFILLED,
    PositionState.CLOSED,
    PositionState.AWAITING_RESOLUTION,
    PositionState.NEEDS_ATTENTION,
)

CLOSE_ANSWERS_AFTER_THE_SALE = "a position that waits for its resolution answers a close once the sale was tried"


class PositionMessages(PositionSteps):
    """Signals, updates and the query."""

    @workflow.signal
    def whale_traded(self, signal: SignalMessage) -> None:
        """The whale traded again."""
        self._inbox.put_trade(signal)

    @workflow.signal
    def price_crossed(self, crossing: PriceCrossed) -> None:
        """The watcher saw the executable price beyond a threshold."""
        self._inbox.crossing = crossing

    @workflow.signal
    def order_changed(self, change: OrderChanged) -> None:
        """The user channel said something about one of our orders."""
        self._inbox.orders_changed = True

    @workflow.signal
    def market_changed(self, change: MarketChanged) -> None:
        """Acceptance or resolution of the market changed."""
        self._inbox.market = change

    @workflow.signal
    def reduce(self, reduction: Reduce) -> None:
        """Sell a share of the holding; all of it also where an earlier sale found no buyer."""
        if reduction.share == 1 and self._view.state is PositionState.AWAITING_RESOLUTION:
            self._inbox.close = CloseRequest(by=reduction.by)
        else:
            self._inbox.put_reduction(reduction)

    @workflow.update
    async def close(self, request: CloseRequest) -> PositionSnapshot:
        """Leave now; answered when the position is closed or, after a try to sell, waits for something."""
        waits = self._view.state is PositionState.AWAITING_RESOLUTION
        self._inbox.close = request
        if waits and workflow.patched(CLOSE_ANSWERS_AFTER_THE_SALE):
            await workflow.wait_condition(
                lambda: self._inbox.close is not request or bool(self._holding.unknown) or self._view.state.ended
            )
        await workflow.wait_condition(lambda: self._view.state in SETTLED)
        return self._view

    @close.validator
    def _check_close(self, request: CloseRequest) -> None:
        if self._view.state.ended:
            raise ApplicationError(f"the position is {self._view.state.value}: nothing to close")

    @workflow.update
    async def adjust_exits(self, request: AdjustExitsRequest) -> PositionSnapshot:
        """Move stop or target; answered once they are in force, refused if one would sell at once."""
        self._inbox.adjustments.append(request)
        await workflow.wait_condition(
            lambda: request not in self._inbox.adjustments or self._view.state is not PositionState.OPEN
        )
        done = self._handled
        if self._view.state is PositionState.OPEN:
            await workflow.wait_condition(
                lambda: self._handled > done or self._view.state is not PositionState.OPEN
            )
            if self._handled > done and self._refused is not None:
                raise ApplicationError(self._refused, type="Refused")
        return self._view

    @adjust_exits.validator
    def _check_adjust_exits(self, request: AdjustExitsRequest) -> None:
        _require_name(request.by)
        if self._view.state is not PositionState.OPEN:
            raise ApplicationError(f"exits move while the position is open, it is {self._view.state.value}")
        stop = request.stop_price or self._view.stop_price
        target = request.target_price or self._view.target_price
        if request.stop_price is None and request.target_price is None:
            raise ApplicationError("give a stop price, a target price, or both")
        if stop is not None and target is not None and stop >= target:
            raise ApplicationError(f"the stop must lie below the target, were {stop} and {target}")

    @workflow.update
    async def resolve_unknown(self, request: ResolveUnknownRequest) -> PositionSnapshot:
        """Settle an order nobody could look up; refused if what was found out cannot be booked."""
        self._unbooked.pop(request.digest, None)
        self._inbox.findings.append(request)
        await workflow.wait_condition(
            lambda: request.digest not in self._holding.unknown or self._unbooked.get(request.digest) is not None
        )
        refused = self._unbooked.get(request.digest)
        if refused is not None:
            raise ApplicationError(f"this cannot be booked: {refused}", type="Refused")
        return self._view

    @resolve_unknown.validator
    def _check_resolve_unknown(self, request: ResolveUnknownRequest) -> None:
        _require_name(request.by)
        if request.digest not in self._holding.unknown:
            raise ApplicationError(f"order {request.digest} is not unknown here")

    @workflow.query
    def state(self) -> PositionSnapshot:
        """Return where the position stands."""
        return self._view


def _require_name(by: str) -> None:
    """Nobody is asked for a name to leave a position, but to move its guards or to speak for the exchange."""
    if not by.strip():
        raise ApplicationError("say who asks for it")
