"""The steps of a position: each awaits one activity and takes its result in."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.entry import EntryActivities
    from activities.orders import OrderActivities
    from activities.positions import PositionActivities
    from remora.domain.ids import OrderDigest
    from remora.domain.reasons import ExitReason, PositionState, SkipReason
    from remora.domain.sale_names import sale_name
    from schemas.position import (
        AdjustExitsRequest,
        PositionInput,
        PositionSnapshot,
        Reduce,
        ResolveUnknownRequest,
        SignalMessage,
    )
    from schemas.position_steps import (
        Adopted,
        ArmAsk,
        Bounds,
        EnterAsk,
        Entered,
        Holding,
        Ref,
        SellAsk,
        SettleByHand,
        Sold,
        StateAsk,
    )
    from schemas.search_attributes import EXIT_REASON, POSITION_STATE
    from workflows import policies
    from workflows.position_inbox import Inbox
    from workflows.position_story import story
    from workflows.sure import sure, until

RETRY_FIRST, RETRY_MAX = timedelta(minutes=1), timedelta(hours=1)
"""Pauses before a part that found no buyer is offered again: each twice the one before."""


PURCHASES_ARE_TURNED_AWAY = "what the whale buys while its position cannot be left is refused once it is too old"
TOO_OLD = timedelta(seconds=30)
"""As old as a copied purchase may be by default; one that has waited so long for its position's end is refused."""

BOUGHT_OR_REFUSED = (None, SkipReason.ORDER_REJECTED, SkipReason.DEADLINE)
"""What an entry whose order was written down may tell."""


class PositionSteps:
    """State of a position and the steps that change it."""

    def __init__(self, start: PositionInput) -> None:
        self._start = start
        self._inbox = Inbox(start.first.token_id, seen=set(start.first.trade_keys))
        for later in start.more:
            self._inbox.put_trade(later)
        self._cancelled = False
        self._spread = Entered().spread
        self._holding = Holding()
        self._sales = 0
        self._refusal: str | None = None
        self._handled = 0
        self._refused: str | None = None
        self._unbooked: dict[OrderDigest, str | None] = {}
        self._resolved = False
        self._takes = 0
        self._takes_before = 0
        self._following: workflow.ActivityHandle[Holding] | None = None
        self._alarm: asyncio.Task[None] | None = None
        self._unsold: list[SellAsk] = []
        self._retry: asyncio.Task[None] | None = None
        self._view = PositionSnapshot(
            position_id=None,
            workflow_id=workflow.info().workflow_id,
            account=start.account,
            whale=start.first.whale,
            token_id=start.first.token_id,
            condition_id=start.first.condition_id,
            state=PositionState.SIGNALLED,
        )

    async def _enter(self, signal: SignalMessage, *, leaving: bool = False) -> Entered:
        handle = workflow.start_local_activity_method(
            EntryActivities.enter,
            EnterAsk(
                account=self._start.account,
                clock=self._start.clock,
                signal=signal,
                position_id=self._view.position_id,
                cancelled=self._cancelled,
                leaving=leaving,
            ),
            summary=f"copy {signal.side.value} at {signal.price}",
            **policies.ENTER,
        )
        entered = await sure(handle, self._note_cancel)
        if entered.position_id is not None and entered.skip_reason in BOUGHT_OR_REFUSED:
            # what was unknown before this purchase still is
            self._take(entered.holding.model_copy(update={"unknown": self._holding.unknown}))
        return entered

    async def _pass_on(self, entered: Entered) -> None:
        """Tell our copy of the other outcome that its whale turned round; one that ended needs no telling."""
        if entered.opposite_workflow_id is None or entered.opposite_sale is None:
            return
        other = workflow.get_external_workflow_handle(entered.opposite_workflow_id)
        try:
            await other.signal("whale_traded", entered.opposite_sale)
        except FailureError:
            workflow.logger.info("the opposite position has ended already")

    async def _wait_on_the_way_out(self, stirred: Callable[[], bool]) -> None:
        """Wait until `stirred`, or asked to stop; a purchase that waits with it is refused once it is too old."""
        if not workflow.patched(PURCHASES_ARE_TURNED_AWAY):
            await until(stirred, self._note_cancel)
            return
        while not stirred():
            if not self._inbox.purchases:
                await until(lambda: stirred() or bool(self._inbox.purchases), self._note_cancel)
                continue
            left = self._inbox.purchases[0].seen_at + TOO_OLD - workflow.now()
            if left > timedelta(0):
                await until(stirred, self._note_cancel, patience=left)
            else:
                await self._pass_on(await self._enter(self._inbox.purchases.pop(0), leaving=True))

    async def _adopt(self, position_id: str) -> Adopted:
        self._view = self._view.model_copy(update={"position_id": position_id})
        handle = workflow.start_local_activity_method(
            PositionActivities.adopt, self._ref(), summary=f"adopt {position_id}", **policies.WRITE
        )
        adopted = await sure(handle, self._note_cancel)
        self._sales = adopted.sales
        self._take(adopted.holding)
        self._show(
            PositionState.ENTERING,
            question=adopted.question,
            outcome=adopted.outcome,
            unproven=adopted.unproven,
            stop_price=adopted.stop_price,
            target_price=adopted.target_price,
        )
        return adopted

    async def _arm(self, adjust: AdjustExitsRequest | None = None) -> None:
        ask = ArmAsk(
            ref=self._ref(),
            spread=self._spread,
            stop_price=self._view.stop_price,
            target_price=self._view.target_price,
            asked_stop_price=None if adjust is None else adjust.stop_price,
            asked_target_price=None if adjust is None else adjust.target_price,
        )
        bounds = await self._armed(ask)
        changed = bounds.exit_at != self._view.exit_at
        self._refused = bounds.refused
        note = self._doubt()
        self._show(PositionState.OPEN, attention=note, **bounds.model_dump(exclude={"refused"}))
        if note is not None:
            await self._write(PositionState.OPEN, attention=note)
        if self._following is None or self._following.done():
            self._following = self._follow()
        if changed or self._alarm is None:
            self._set_alarm(bounds)

    async def _armed(self, ask: ArmAsk) -> Bounds:
        handle = workflow.start_local_activity_method(
            PositionActivities.arm_exits, ask, summary="register exits", **policies.WRITE
        )
        return await sure(handle, self._note_cancel)

    def _set_alarm(self, bounds: Bounds) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        if bounds.exit_at is not None:
            left = self._start.clock.clock().wall_time(bounds.exit_at) - workflow.now()
            self._alarm = asyncio.create_task(
                workflow.sleep(max(left, timedelta(milliseconds=1)), summary="leave before the resolution")
            )

    async def _sell(self, reason: ExitReason) -> None:
        ask = SellAsk(
            ref=self._ref(),
            reason=reason,
            name=self._sale_name(),
            aggressive=reason is ExitReason.HALT,
        )
        await self._sold(ask)

    async def _reduce(self, part: Reduce) -> None:
        name = self._sale_name()
        await self._sell_part(SellAsk(ref=self._ref(), reason=part.reason, name=name, share=part.share))

    def _sale_name(self) -> str:
        """Name the next sale: no other one of this position, in this run or another, goes by that name."""
        self._sales += 1
        assert self._view.position_id is not None
        return sale_name(self._view.position_id, self._sales)

    async def _sell_part(self, ask: SellAsk) -> None:
        """Sell a part; what finds no buyer now is tried again, ever more rarely, while the position is held."""
        sold = await self._sold(ask)
        if sold.unsold and sold.holding.held:
            self._unsold.append(ask.model_copy(update={"tries": ask.tries + 1}))
            if self._retry is None:
                pause = min(RETRY_FIRST * 2**ask.tries, RETRY_MAX)
                self._retry = asyncio.create_task(workflow.sleep(pause, summary="try again to sell a part"))

    async def _sell_unsold(self) -> ExitReason:
        """Offer again what found no buyer; return why it was to be sold."""
        again, self._unsold, self._retry = self._unsold, [], None
        for ask in again:
            if self._holding.held:
                await self._sell_part(ask)
        return again[-1].reason

    async def _sold(self, ask: SellAsk) -> Sold:
        handle = workflow.start_activity_method(
            OrderActivities.sell,
            ask,
            summary=f"sell {ask.share} of the holding: {ask.reason.value}",
            **policies.ORDER,
        )
        sold = await sure(handle, self._note_cancel)
        self._take(sold.holding)
        self._refusal = sold.attention
        return sold

    # orders

    def _follow(self) -> workflow.ActivityHandle[Holding]:
        """Follow settlement; what it finds is out of date once a later step reported the books."""
        self._takes_before = self._takes
        return workflow.start_activity_method(
            OrderActivities.follow_orders, self._ref(), summary="follow the order to settlement", **policies.ORDER
        )

    def _settle(self) -> workflow.ActivityHandle[Holding]:
        return workflow.start_activity_method(
            OrderActivities.settle_orders, self._ref(), summary="look the order up", **policies.ORDER
        )

    def _doubt(self) -> str | None:
        """Say which order nobody could look up, or why the exchange takes no sale."""
        unknown = self._holding.unknown
        return f"order {unknown[0]} could not be looked up" if unknown else self._refusal

    async def _await_orders(self, *, leaving: bool = False) -> None:
        """Settle orders; what nobody can look up waits for an operator, if nothing is held to be guarded."""
        if not leaving:
            self._take(await sure(self._settle(), self._note_cancel))
        while self._holding.unknown and (leaving or not self._holding.held):
            before = self._view.state
            self._show(PositionState.NEEDS_ATTENTION, attention=self._doubt())
            await self._hear_of_orders(leaving=leaving)
            if self._inbox.findings:
                await self._settle_by_hand(self._inbox.findings.pop(0))
            self._inbox.orders_changed = False
            self._take(await sure(self._settle(), self._note_cancel))
            self._show(before, attention=None)

    async def _hear_of_orders(self, *, leaving: bool) -> None:
        while not self._order_news():
            if leaving:
                await self._wait_on_the_way_out(self._order_news)
            else:
                await until(self._order_news, self._note_cancel)

    def _order_news(self) -> bool:
        return bool(self._inbox.findings) or self._inbox.orders_changed

    async def _settle_by_hand(self, found: ResolveUnknownRequest) -> None:
        ask = SettleByHand(
            ref=self._ref(),
            digest=found.digest,
            outcome=found.outcome,
            shares=found.shares,
            price=found.price,
            fee=found.fee,
        )
        handle = workflow.start_local_activity_method(
            OrderActivities.settle_by_hand, ask, summary=f"{found.by}: {found.outcome.value}", **policies.WRITE
        )
        self._take(await sure(handle, self._note_cancel))
        self._unbooked[found.digest] = self._holding.refused
        self._handled += 1

    # state

    def _note_cancel(self) -> None:
        self._cancelled = True

    def _ref(self) -> Ref:
        assert self._view.position_id is not None
        return Ref(
            position_id=self._view.position_id,
            account=self._start.account,
            token_id=self._view.token_id,
            condition_id=self._view.condition_id,
            clock=self._start.clock,
        )

    async def _write(
        self, state: PositionState, reason: ExitReason | None = None, *, attention: str | None = None
    ) -> None:
        handle = workflow.start_local_activity_method(
            PositionActivities.write_state,
            StateAsk(ref=self._ref(), state=state, exit_reason=reason, attention=attention),
            summary=f"end as {state.value}" if state.ended else f"write {state.value}",
            **policies.WRITE,
        )
        await sure(handle, self._note_cancel)

    def _take(self, holding: Holding) -> None:
        self._takes += 1
        self._holding = holding
        books = holding.model_dump(include={"shares", "average_price", "cost", "fees", "proceeds"})
        books["orders"] = tuple(dict.fromkeys((*self._view.orders, *holding.orders)))
        self._view = self._view.model_copy(update=books)

    def _show(self, state: PositionState, **changes: object) -> None:
        """Move the snapshot and what the Web UI shows of it."""
        before, self._view = self._view, self._view.model_copy(update={"state": state, **changes})
        if before.state is not state and state is not PositionState.ENTERING:
            updates = [POSITION_STATE.value_set(state.value)]
            if self._view.exit_reason is not None:
                updates.append(EXIT_REASON.value_set(self._view.exit_reason.value))
            workflow.upsert_search_attributes(updates)
        workflow.set_current_details(story(self._view))
