"""What a held position needs: triggers, fresh looks, the end."""

from datetime import datetime, timedelta
from decimal import Decimal

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.redeeming import RedemptionDisputed, redeem_market
from activities.tools import Tools, heartbeating
from remora.domain.exits import Thresholds, crossed, executable_bid, holding_before, share_to_sell, thresholds
from remora.domain.market import Market, ResolutionStatus
from remora.domain.money import MICRO, ZERO, floor_to
from remora.domain.reasons import PositionState, SkipReason
from remora.domain.sale_names import last_sale
from remora.domain.trade_key import names_transaction
from remora.domain.trades import Signal
from remora.storage import decisions, orders, positions, risk, triggers
from remora.storage import reconcile as adoption
from remora.storage.case import Case, decision_id
from remora.storage.positions import PositionRow
from remora.venues.venue import MarketUnknown, VenueUnavailable
from schemas.position_steps import (
    Adopted,
    ArmAsk,
    Bounds,
    CrossingAsk,
    Holding,
    MarketView,
    Ref,
    SaleAsk,
    Share,
    StateAsk,
    Verdict,
)

SOURCES_APART = timedelta(minutes=10)
"""How far the sources of a trade may differ in when it happened, in venue time."""


ROUNDING = 100 * MICRO
"""What rounding between the positions of a market may move, in dollars."""


class PositionActivities:
    """Reads markets and writes where a position stands; never sends an order."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    async def adopt(self, ref: Ref) -> Adopted:
        """Take a position over whose workflow is gone; what was never signed is not sent any more."""
        tools, info = self._tools, activity.info()
        assert info.workflow_run_id is not None
        await adoption.take_over(tools.engine, ref.position_id, run_id=info.workflow_run_id, now=tools.wall())
        row = await positions.load_position(tools.engine, ref.position_id)
        placed = await orders.orders_of(tools.engine, ref.position_id)
        return Adopted(
            question=row.question,
            outcome=row.outcome,
            unproven=row.unproven,
            state=row.state,
            exit_reason=row.exit_reason,
            stop_price=row.stop_price,
            target_price=row.target_price,
            pending=any(not order.finished for order in placed),
            bought=row.books.bought_shares > 0,
            sales=last_sale(ref.position_id, [order.id for order in placed]),
            holding=Holding.of(
                row.books, orders=tuple(order.signed.digest for order in placed if order.signed is not None)
            ),
        )

    @activity.defn
    async def arm_exits(self, ask: ArmAsk) -> Bounds:
        """Compute and register stop, target and pre-resolution exit; the position is open now."""
        tools, ref = self._tools, ask.ref
        row = await positions.load_position(tools.engine, ref.position_id)
        assert row.books.average_price is not None, f"position {ref.position_id} holds nothing to guard"
        market = await tools.venue.market_of(ref.token_id)
        bounds = thresholds(
            entry_price=row.books.average_price,
            spread_paid=ask.spread,
            tick_size=market.tick_size,
            end_at=market.end_at,
            limits=tools.limits,
        )
        asked_stop, asked_target = ask.asked_stop_price, ask.asked_target_price
        bounds = Thresholds(
            stop_price=asked_stop or row.asked_stop_price or ask.stop_price or bounds.stop_price,
            target_price=asked_target or row.asked_target_price or ask.target_price or bounds.target_price,
            exit_at=bounds.exit_at,
        )
        if asked_stop is not None or asked_target is not None:
            refused = await self._beyond(row, bounds)
            if refused is not None:
                return Bounds(
                    stop_price=row.stop_price, target_price=row.target_price, exit_at=row.exit_at, refused=refused
                )
            await positions.set_asked_exits(
                tools.engine, ref.position_id, stop_price=asked_stop, target_price=asked_target
            )
        await triggers.set_trigger(
            tools.engine, ref.position_id, shares=row.books.shares, bounds=bounds, now=tools.wall()
        )
        await positions.set_position_state(tools.engine, ref.position_id, PositionState.OPEN)
        return Bounds(stop_price=bounds.stop_price, target_price=bounds.target_price, exit_at=bounds.exit_at)

    async def _beyond(self, row: PositionRow, bounds: Thresholds) -> str | None:
        """Say which threshold a person asks for would sell at once: they may have mistyped it."""
        try:
            price = executable_bid(await self._tools.venue.book(row.token_id), row.books.shares)
        except (MarketUnknown, VenueUnavailable):
            price = row.mark_price
        if price is None:
            return None
        if bounds.stop_price is not None and bounds.stop_price >= price:
            return f"the stop {bounds.stop_price:f} lies at or above the price of {price:f}: it would sell at once"
        if bounds.target_price is not None and bounds.target_price <= price:
            target = bounds.target_price
            return f"the target {target:f} lies at or below the price of {price:f}: it would sell at once"
        return None

    @activity.defn
    async def confirm_crossing(self, ask: CrossingAsk) -> Verdict:
        """Hold a crossing against a fresh book; arm the trigger again if the book does not confirm it."""
        tools, ref = self._tools, ask.ref
        async with heartbeating():
            row = await positions.load_position(tools.engine, ref.position_id)
            bounds = Thresholds(stop_price=row.stop_price, target_price=row.target_price, exit_at=row.exit_at)
            try:
                kind = crossed(await tools.venue.book(ref.token_id), row.books.shares, bounds)
            except MarketUnknown:
                kind = None
            if kind is None:
                await triggers.set_trigger(
                    tools.engine, ref.position_id, shares=row.books.shares, bounds=bounds, now=tools.wall()
                )
        return Verdict(kind=kind)

    @activity.defn
    async def weigh_sale(self, ask: SaleAsk) -> Share:
        """Return which share of ours follows a whale's sale, and record the signal."""
        async with heartbeating():
            # decided when it was begun: what is read from here on is what it was decided on
            now = self._tools.wall()
            case = await risk.undecided(self._tools.engine, self._case_of_sale(ask, now))
            share = await self._share_to_sell(ask.ref, case.signal)
            known = await self._record_sale(case, share)
        # an earlier run has followed it: the shares of this one were bought after the whale sold
        return Share(share=ZERO if known else share)

    async def _share_to_sell(self, ref: Ref, signal: Signal) -> Decimal:
        tools = self._tools
        opposite = signal.key.startswith("opposite:")
        holding = await tools.venue.whale_holding(signal.whale, ref.token_id)
        counted = False
        if holding is not None and not opposite:
            recent = await tools.venue.whale_trades(signal.whale, since=signal.happened_at - SOURCES_APART)
            counted = any(names_transaction(signal.trade_keys, trade.transaction_hash) for trade in recent)
        return share_to_sell(
            whale_sold=signal.size,
            whale_holding_before=holding_before(holding, sold=signal.size, counted=counted, opposite=opposite),
            whale_seen_bought=await decisions.seen_bought(tools.engine, ref.account, signal.whale, ref.token_id),
        )

    def _case_of_sale(self, ask: SaleAsk, now: datetime) -> Case:
        ref, signal, info = ask.ref, ask.signal.signal(), activity.info()
        return Case(
            account=ref.account,
            workflow_id=info.workflow_id or "",
            run_id=info.workflow_run_id or "",
            signal=signal,
            now_wall=now,
            now_venue=ref.clock.clock().venue_time(now),
            decision_id=decision_id(info.workflow_run_id or "", signal),
            position_id=ref.position_id,
            traceparent=ask.signal.trace.traceparent,
        )

    async def _record_sale(self, case: Case, share: Decimal) -> bool:
        """Record a sale once; return whether it was decided about before."""
        record = await risk.record_exit_signal(
            self._tools.engine, case, f"{case.signal.kind.value}: sell {floor_to(share, MICRO)} of ours"
        )
        return record.reason is SkipReason.DUPLICATE

    @activity.defn
    async def look_at_market(self, ref: Ref) -> MarketView:
        """Return the market's switches right now."""
        market = await self._tools.venue.market_of(ref.token_id, fresh=True)
        exit_at = None if market.end_at is None else market.end_at - self._tools.limits.pre_resolution
        return MarketView(
            accepting_orders=market.accepting_orders,
            closed=market.closed,
            resolution=market.resolution,
            exit_at=exit_at,
        )

    @activity.defn
    async def redeem(self, ref: Ref) -> Holding:
        """Exchange the shares for their payout; not yet resolved is tried again by Temporal."""
        tools = self._tools
        async with heartbeating():
            market = await tools.venue.market_of(ref.token_id, fresh=True)
            if market.payout(ref.token_id) is None or market.resolution is not ResolutionStatus.RESOLVED:
                if (await positions.load_position(tools.engine, ref.position_id)).attention is None:
                    await positions.set_position_state(
                        tools.engine, ref.position_id, PositionState.AWAITING_RESOLUTION
                    )
                raise ApplicationError(
                    f"market {ref.condition_id} is {market.resolution.value}, not yet resolved",
                    type="NotResolved",
                    # asked again for weeks: no warning with a trace each time
                    category=ApplicationErrorCategory.BENIGN,
                )
            # what the market paid counts in equity at once, not only when the chain has paid it
            await positions.set_mark(tools.engine, ref.position_id, market.payout(ref.token_id) or ZERO)
            await self._redeem(ref, market)
            row = await positions.load_position(tools.engine, ref.position_id)
        return Holding.of(row.books)

    async def _redeem(self, ref: Ref, market: Market) -> None:
        """Redeem; a chain that refuses is asked again, and a payout booked short waits for a person to close."""
        engine, cause = self._tools.engine, None
        row = await positions.load_position(engine, ref.position_id)
        if row.attention is None:
            await positions.set_position_state(engine, ref.position_id, PositionState.REDEEMING)
        try:
            await redeem_market(self._tools, market)
        except RedemptionDisputed as error:
            cause = str(error)
        books = (await positions.load_position(engine, ref.position_id)).books
        promised = books.redeemed_shares * (market.payout(ref.token_id) or ZERO)
        if abs(books.redeemed_dollars - promised) > ROUNDING:
            paid = f"the chain paid {books.redeemed_dollars:f} dollars, the payouts promise {promised:f}"
            # a doubt of an earlier try is over: a person must see what can be done now
            cause = cause or f"{paid}; what it paid is booked"
        if cause is not None:
            state = PositionState.NEEDS_ATTENTION
            await positions.set_position_state(engine, ref.position_id, state, attention=cause)
            raise ApplicationError(cause, type="RedemptionDisputed")

    @activity.defn
    async def write_state(self, ask: StateAsk) -> None:
        """Write where the position stands; an end releases what was reserved and disarms the triggers."""
        tools, now = self._tools, self._tools.wall()
        if ask.state.ended:
            await positions.finish_position(
                tools.engine,
                ask.ref.position_id,
                ask.state,
                exit_reason=ask.exit_reason,
                now=now,
                now_venue=ask.ref.clock.clock().venue_time(now),
            )
            return
        await positions.set_position_state(
            tools.engine, ask.ref.position_id, ask.state, exit_reason=ask.exit_reason, attention=ask.attention
        )
