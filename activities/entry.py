"""The hot path: from a whale's purchase to our order on the wire, in one idempotent step."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from temporalio import activity

from activities.latency import observe_latency
from activities.order_protocol import give_up, refuse_late, settle, submit
from activities.spans import decision_attributes
from activities.tools import Tools
from remora.domain.books import OrderBook
from remora.domain.market import Market
from remora.domain.money import ONE, ZERO, Side
from remora.domain.orders import Accepted, OrderState, Purpose
from remora.domain.reasons import BEING_LEFT, SkipReason
from remora.domain.trades import Signal, TradeKind
from remora.storage import orders, positions, risk
from remora.storage.case import Case, DecisionRecord, decision_id
from remora.storage.decisions import DEADLINE
from remora.storage.orders import OrderRow
from remora.venues.venue import MarketNotBinary, MarketUnknown, VenueUnavailable
from schemas.position import SignalMessage, position_workflow_id
from schemas.position_steps import EnterAsk, Entered, Holding

BOOK_AGE_MAX = timedelta(milliseconds=200)
"""A book that was asked for when the trade was first seen, and not earlier, is fresh enough to decide on."""


class EntryActivities:
    """Risk check, order intent, signature, first send."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    async def enter(self, ask: EnterAsk) -> Entered:
        """Decide about a purchase and send what was approved; a re-run finds what the first run wrote."""
        case = self._case(ask)
        refusal = _refuse(ask)
        if refusal is not None:
            return await self._refused(ask, case, *refusal)
        try:
            market, book = await asyncio.gather(
                self._tools.venue.market_of(case.signal.token_id), self._book(case.signal)
            )
            market.outcome_index(case.signal.token_id)
        except (MarketUnknown, ValueError) as error:
            reason = SkipReason.NOT_BINARY if isinstance(error, MarketNotBinary) else SkipReason.UNKNOWN_TOKEN
            return await self._refused(ask, case, reason, str(error))
        except VenueUnavailable as error:
            if case.now_wall - case.signal.seen_at <= self._tools.limits.signal_age_max:
                raise
            return await self._refused(ask, case, SkipReason.STALE, str(error))
        if ask.signal.condition_id != market.condition_id:
            ask = _of_market(ask, market)
            case = replace(case, signal=ask.signal.signal())
        with self._tools.tracer.start_as_current_span("decide") as span:
            record = await risk.decide_and_record(
                self._tools.engine, case, market=market, book=book, limits=self._tools.limits
            )
            span.set_attributes(decision_attributes(record))
        if record.order_id is None or record.position_id is None:
            return await self._with_opposite(ask, _skipped(record))
        return await self._send(record, record.order_id, record.position_id, market, book, case)

    def _case(self, ask: EnterAsk) -> Case:
        info = activity.info()
        now: datetime = self._tools.wall()
        signal = ask.signal.signal()
        assert info.workflow_id is not None
        assert info.workflow_run_id is not None
        return Case(
            account=ask.account,
            workflow_id=info.workflow_id,
            run_id=info.workflow_run_id,
            signal=signal,
            now_wall=now,
            now_venue=ask.clock.clock().venue_time(now),
            decision_id=decision_id(info.workflow_run_id, signal),
            position_id=ask.position_id,
            traceparent=ask.signal.trace.traceparent,
        )

    async def _refused(self, ask: EnterAsk, case: Case, reason: SkipReason, detail: str) -> Entered:
        """Refuse what was clear before the market was known; our position hears of it all the same.

        An earlier attempt may have approved it: an order that was never signed is given up, any other followed.
        """
        record = await risk.record_skip(self._tools.engine, case, reason, detail)
        if record.order_id is None or record.position_id is None:
            return await self._with_opposite(ask, _skipped(record))
        order = await orders.load_order(self._tools.engine, record.order_id)
        if order.state is OrderState.INTENT:
            await give_up(self._tools, order, reason.value, detail)
        return await self._entered(record, record.order_id, record.position_id, None)

    async def _book(self, signal: Signal) -> OrderBook | None:
        try:
            return await self._tools.venue.book(signal.token_id, max_age=BOOK_AGE_MAX)
        except MarketUnknown:
            return None

    async def _send(
        self,
        record: DecisionRecord,
        order_id: str,
        position_id: str,
        market: Market,
        book: OrderBook | None,
        case: Case,
    ) -> Entered:
        order = record.fresh_order or await orders.load_order(self._tools.engine, order_id)
        if order.state in (OrderState.INTENT, OrderState.SIGNED) and order.purpose is Purpose.ENTRY:
            age = self._tools.wall() - case.signal.seen_at
            if age > self._tools.limits.signal_age_max:
                await refuse_late(self._tools, order)
            else:
                outcome = await submit(self._tools, order, market)
                sent = await orders.load_order(self._tools.engine, order_id)
                observe_latency(self._tools.metrics, sent, case.signal)
                if isinstance(outcome, Accepted) and not outcome.delayed:
                    await settle(self._tools, sent, matched=outcome.matched_shares)
        return await self._entered(record, order_id, position_id, book)

    async def _entered(
        self, record: DecisionRecord, order_id: str, position_id: str, book: OrderBook | None
    ) -> Entered:
        order = await orders.load_order(self._tools.engine, order_id)
        row = await positions.load_position(self._tools.engine, position_id)
        return Entered(
            position_id=position_id,
            skip_reason=_refused_for(order),
            detail=order.reject_message or "",
            unproven=record.unproven,
            question=row.question,
            outcome=row.outcome,
            spread=ZERO if book is None or book.spread is None else book.spread,
            pending=not order.finished,
            holding=Holding.of(row.books, orders=() if order.signed is None else (order.signed.digest,)),
        )

    async def _with_opposite(self, ask: EnterAsk, entered: Entered) -> Entered:
        """Name our position that this purchase is a sale against: the same whale, the other outcome."""
        signal = ask.signal
        if signal.side is Side.SELL or signal.kind is not TradeKind.TRADE or not ZERO < signal.price < ONE:
            return entered
        held = await positions.find_other_outcome(
            self._tools.engine, ask.account, signal.whale, signal.condition_id, signal.token_id
        )
        if held is None:
            return entered
        opposite = held.token_id
        sale = ask.signal.model_copy(
            update={
                "key": f"opposite:{ask.signal.key}",
                "trade_keys": tuple(f"opposite:{key}" for key in ask.signal.trade_keys),
                "token_id": opposite,
                "side": Side.SELL,
                "price": ONE - ask.signal.price,
            }
        )
        workflow_id = position_workflow_id(ask.account, ask.signal.whale, opposite)
        return entered.model_copy(update={"opposite_workflow_id": workflow_id, "opposite_sale": sale})


def _of_market(ask: EnterAsk, market: Market) -> EnterAsk:
    """Name the token's market as the venue does: a log names none, and its reader may have found none to ask."""
    signal = ask.signal.model_copy(update={"condition_id": market.condition_id})
    return ask.model_copy(update={"signal": signal})


def _refuse(ask: EnterAsk) -> tuple[SkipReason, str] | None:
    signal: SignalMessage = ask.signal
    if ask.cancelled:
        return SkipReason.CANCELLED, "the workflow was asked to stop"
    if ask.leaving:
        return SkipReason.STALE, BEING_LEFT
    if signal.side is Side.SELL:
        return SkipReason.NOT_HELD, f"a {signal.kind.value} of what we do not hold"
    if signal.kind is not TradeKind.TRADE:
        return SkipReason.NOT_A_PURCHASE, signal.kind.value
    if not Decimal(0) < signal.price < ONE:
        return SkipReason.PRICE_OUT_OF_RANGE, f"price {signal.price}"
    return None


def _refused_for(order: OrderRow) -> SkipReason | None:
    """Return why an approved order came to nothing, None where it did not."""
    if order.state is not OrderState.REJECTED:
        return None
    return SkipReason.DEADLINE if order.reject_code == DEADLINE else SkipReason.ORDER_REJECTED


def _skipped(record: DecisionRecord) -> Entered:
    return Entered(
        position_id=record.position_id, skip_reason=record.reason, detail=record.detail, unproven=record.unproven
    )
