"""One copied position, from a whale's trade to its settlement."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.positions import PositionActivities
    from remora.domain.market import ResolutionStatus
    from remora.domain.reasons import ExitReason, PositionState, SkipReason
    from schemas.position import (
        MarketChanged,
        PositionInput,
        PositionResult,
        PriceCrossed,
        Reduce,
        SignalMessage,
    )
    from schemas.position_steps import (
        CrossingAsk,
        Holding,
        SaleAsk,
    )
    from workflows import policies
    from workflows.position_messages import PositionMessages
    from workflows.sure import sure, until


CROSSINGS_TAKE_TURNS = "a crossing that comes again and again keeps nothing else waiting"
DOUBT_COMES_FIRST = "a sale of unknown fate is looked up before its position waits on for the resolution"
LEAVING = (PositionState.EXITING, PositionState.AWAITING_RESOLUTION, PositionState.REDEEMING)


@workflow.defn
class PositionWorkflow(PositionMessages):
    """Follows one whale's holding in one token."""

    @workflow.init
    def __init__(self, start: PositionInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: PositionInput) -> PositionResult:
        """Copy, guard and leave; ends as cancelled when it was asked to stop, after selling."""
        if workflow.cancellation_reason() is not None:
            self._note_cancel()
        if start.adopt_position_id is not None:
            await self._resume(start.adopt_position_id)
        elif await self._copy(start.first):
            await self._leave(await self._hold())
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._cancelled:
            raise asyncio.CancelledError
        if self._inbox.purchases:
            first, *more = self._inbox.handed_on
            handed_on = {"first": first, "more": tuple(more), "adopt_position_id": None}
            workflow.continue_as_new(start.model_copy(update=handed_on))
        return PositionResult(
            position_id=self._view.position_id,
            state=self._view.state,
            skip_reason=self._view.skip_reason,
            exit_reason=self._view.exit_reason,
            realised_pnl=self._holding.realised_pnl,
            fees=self._holding.fees,
        )

    # entry

    async def _copy(self, signal: SignalMessage) -> bool:
        """Decide and buy; return whether a position is open now."""
        entered = await self._enter(signal)
        if entered.position_id is None:
            self._show(PositionState.SKIPPED, skip_reason=entered.skip_reason, unproven=entered.unproven)
            await self._pass_on(entered)
            return False
        self._spread = entered.spread
        self._show(
            PositionState.ENTERING,
            position_id=entered.position_id,
            question=entered.question,
            outcome=entered.outcome,
            unproven=entered.unproven,
        )
        if entered.pending:
            await self._await_orders()
        if self._holding.shares <= 0:
            reason = entered.skip_reason or (SkipReason.CANCELLED if self._cancelled else None)
            self._show(PositionState.UNFILLED, skip_reason=reason)
            await self._write(PositionState.UNFILLED)
            return False
        await self._arm()
        return True

    async def _resume(self, position_id: str) -> None:
        """Go on where a workflow that is gone left its position."""
        adopted = await self._adopt(position_id)
        if adopted.pending:
            await self._await_orders()
        leaving = adopted.state in LEAVING or adopted.exit_reason is not None
        if self._holding.held and not leaving:
            await self._arm()
            await self._leave(await self._hold())
        elif self._holding.held or adopted.bought:
            await self._leave(adopted.exit_reason or ExitReason.CANCELLED)
        else:
            self._show(PositionState.UNFILLED)
            await self._write(PositionState.UNFILLED)

    # holding

    async def _hold(self) -> ExitReason:
        """Wait and react until there is a reason to leave."""
        while True:
            await until(self._stirred, self._note_cancel)
            reason = await self._next_reason()
            if reason is not None:
                return reason

    def _stirred(self) -> bool:
        waited = (self._following, self._alarm, self._retry)
        return self._cancelled or self._inbox.any or any(one is not None and one.done() for one in waited)

    async def _next_reason(self) -> ExitReason | None:
        inbox = self._inbox
        if self._cancelled:
            return ExitReason.CANCELLED
        if inbox.close is not None:
            return ExitReason.OPERATOR
        if inbox.market is not None:
            changed, inbox.market = inbox.market, None
            reason = self._market_reason(changed)
            if reason is not None:
                return reason
        if self._alarm is not None and self._alarm.done():
            return ExitReason.PRE_RESOLUTION
        if inbox.crossing is not None:
            crossing, inbox.crossing = inbox.crossing, None
            reason = await self._confirm(crossing)
            if reason is not None or not workflow.patched(CROSSINGS_TAKE_TURNS):
                return reason
        return await self._adapt()

    def _market_reason(self, changed: MarketChanged) -> ExitReason | None:
        if changed.resolution is ResolutionStatus.RESOLVED:
            return ExitReason.RESOLVED
        if changed.closed or not changed.accepting_orders:
            return ExitReason.MARKET_HALTED
        if changed.resolution is not ResolutionStatus.OPEN:
            return ExitReason.PRE_RESOLUTION
        return None

    async def _confirm(self, crossing: PriceCrossed) -> ExitReason | None:
        handle = workflow.start_activity_method(
            PositionActivities.confirm_crossing,
            CrossingAsk(ref=self._ref(), kind=crossing.kind),
            summary=f"is {crossing.kind.value} at {crossing.executable_price} real?",
            **policies.READ,
        )
        verdict = await sure(handle, self._note_cancel)
        return None if verdict.kind is None else ExitReason(verdict.kind.value)

    async def _adapt(self) -> ExitReason | None:
        """Take in one thing that leaves the position open, or return the reason it gives to leave."""
        inbox = self._inbox
        if inbox.reductions or (self._retry is not None and self._retry.done()):
            return await self._sell_parts()
        if inbox.sales:
            return await self._follow_sale(inbox.sales.pop(0))
        if inbox.findings:
            await self._settle_by_hand(inbox.findings.pop(0))
            await self._rearm()
        elif inbox.adjustments:
            await self._arm(inbox.adjustments.pop(0))
            self._handled += 1
        elif inbox.purchases:
            entered = await self._enter(inbox.purchases.pop(0))
            await self._pass_on(entered)
            if entered.pending:
                await self._await_orders()
            if entered.skip_reason is None:
                await self._rearm()
        elif inbox.orders_changed or (self._following is not None and self._following.done()):
            return await self._take_settlement()
        return ExitReason.CANCELLED if self._cancelled else None

    async def _sell_parts(self) -> ExitReason | None:
        """Sell a part that the desk or an operator asks for, or one that found no buyer before."""
        if self._inbox.reductions:
            reduction = self._inbox.reductions.pop(0)
            if reduction.share == 1:
                return reduction.reason
            await self._reduce(reduction)
            reason = reduction.reason
        else:
            reason = await self._sell_unsold()
        if self._cancelled or not self._holding.held:
            return ExitReason.CANCELLED if self._cancelled else reason
        await self._rearm()
        return None

    async def _rearm(self) -> None:
        """Compute the thresholds anew for what is held now; those that a person chose stay."""
        if self._holding.shares > 0:
            self._view = self._view.model_copy(update={"stop_price": None, "target_price": None})
            await self._arm()

    async def _follow_sale(self, signal: SignalMessage) -> ExitReason | None:
        handle = workflow.start_activity_method(
            PositionActivities.weigh_sale,
            SaleAsk(ref=self._ref(), signal=signal),
            summary=f"the whale left {signal.size} shares ({signal.kind.value})",
            **policies.READ,
        )
        weighed = await sure(handle, self._note_cancel)
        if weighed.share >= 1:
            return ExitReason.WHALE_EXIT
        if weighed.share > 0:
            await self._reduce(Reduce(share=weighed.share, reason=ExitReason.WHALE_EXIT, by="whale"))
            if not self._holding.held:
                return ExitReason.WHALE_EXIT
            await self._rearm()
        return None

    async def _take_settlement(self) -> ExitReason | None:
        """Take in what settlement did to the books; a purchase undone leaves nothing to hold."""
        handle, self._following = self._following, None
        if self._inbox.orders_changed or handle is None:
            self._inbox.orders_changed = False
            if handle is not None:
                # it may have looked before the change; nothing is left running behind a closed workflow
                await sure(handle, self._note_cancel)
            handle = self._follow()
        settled = await sure(handle, self._note_cancel)
        if self._takes == self._takes_before:
            await self._take_anew(settled)
        return ExitReason.CANCELLED if self._cancelled or self._holding.shares <= 0 else None

    async def _take_anew(self, settled: Holding) -> None:
        """Take the books in, and guard what they show if that is something else than before."""
        before = self._holding
        self._take(settled)
        if settled.shares > before.shares:
            await self._rearm()
        elif settled.shares > 0 and (settled.shares, settled.unknown) != (before.shares, before.unknown):
            await self._arm()

    # leaving

    async def _leave(self, reason: ExitReason) -> None:
        """Sell, wait for what cannot be sold, redeem, end."""
        self._show(PositionState.EXITING, exit_reason=reason)
        if reason is not ExitReason.RESOLVED and self._holding.shares > 0:
            await self._sell(reason)
        while self._holding.unknown:
            await self._await_orders(leaving=True)
            if self._holding.held and reason is not ExitReason.RESOLVED:
                # a sale that never happened, or a purchase that did
                await self._sell(reason)
        while self._holding.held:
            self._show_waiting()
            self._inbox.market = None
            await self._redeem_or_resume(reason)
            await self._await_orders(leaving=True)
        if self._following is not None:
            await sure(self._following, self._note_cancel)
        final = self._view.exit_reason or reason
        await self._write(PositionState.CLOSED, final)
        self._show(PositionState.CLOSED, exit_reason=final)

    def _show_waiting(self) -> None:
        """Show what could not be sold: it waits for its resolution, or for a person besides."""
        state = PositionState.NEEDS_ATTENTION if self._refusal else PositionState.AWAITING_RESOLUTION
        self._show(state, exit_reason=ExitReason.RESOLVED, attention=self._refusal)

    async def _redeem_or_resume(self, reason: ExitReason) -> None:
        """Redeem once resolved; sell instead if the market trades again or someone asks for it."""
        redeeming, told = self._redeem(), reason is ExitReason.RESOLVED
        while await self._sellable(redeeming):
            if self._resolved:
                if not told:
                    # do not wait for the next retry; one that knows already is left alone: it may be on the chain
                    redeeming.cancel()
                    redeeming, told = self._redeem(), True
                continue
            await self._sell(reason)
            if not self._holding.held:
                redeeming.cancel()
                self._show(PositionState.EXITING, exit_reason=reason, attention=None)
                return
            if self._holding.unknown and workflow.patched(DOUBT_COMES_FIRST):
                redeeming.cancel()
                return
            self._show_waiting()
        self._refusal = None
        self._show(PositionState.REDEEMING, attention=None)
        self._take(await sure(redeeming, self._note_cancel))

    async def _sellable(self, redeeming: workflow.ActivityHandle[Holding]) -> bool:
        """Wait for the redemption (False) or for a reason to try a sale (True)."""
        while True:
            self._inbox.close = None
            await self._wait_on_the_way_out(lambda: redeeming.done() or self._roused)
            changed, self._inbox.market = self._inbox.market, None
            if redeeming.done():
                return False
            self._resolved = changed is not None and changed.resolution is ResolutionStatus.RESOLVED
            if self._resolved or self._inbox.close is not None:
                return True
            if changed is not None and changed.accepting_orders and not changed.closed:
                return True

    @property
    def _roused(self) -> bool:
        return self._inbox.market is not None or self._inbox.close is not None

    def _redeem(self) -> workflow.ActivityHandle[Holding]:
        return workflow.start_activity_method(
            PositionActivities.redeem, self._ref(), summary="redeem after the resolution", **policies.RESOLUTION
        )
