"""Orders after the first send: following, selling, an operator's finding."""

import asyncio
import contextlib
import itertools
from decimal import Decimal

from temporalio import activity

from activities.order_protocol import already_placed, settle, settle_all, submit, wait_final, withdraw_resting
from activities.tools import Tools, heartbeating
from remora.domain.exits import Dust, exit_order, sale_size, urgent
from remora.domain.market import Market
from remora.domain.money import ZERO, Side
from remora.domain.orders import PASSING, VENUE_MODES, Accepted, Fill, FillStatus, OrderState, Rejected
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import PositionState
from remora.storage import fills, orders, positions, reconcile, unsigned
from remora.storage.positions import PositionRow
from remora.venues.venue import MarketUnknown, VenueUnavailable
from schemas.position import Resolution
from schemas.position_steps import Holding, Ref, SellAsk, SettleByHand, Sold

TAKEN = "taken"
"""Another order, which has ended, goes by this name already: the next number is tried."""


class OrderActivities:
    """Brings orders to their end; every method may run again at any time."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    @activity.defn
    async def follow_orders(self, ref: Ref) -> Holding:
        """Look up every order of the position until its fills are final or patience ends."""
        async with heartbeating():
            unknown = await settle_all(self._tools, ref.position_id)
            final = True if unknown else await wait_final(self._tools, ref.position_id)
        return await self._holding(ref, unknown=bool(unknown), settling=not final)

    @activity.defn
    async def settle_orders(self, ref: Ref) -> Holding:
        """Look up every order until nothing more of it can fill; whether its fills become final is not awaited."""
        async with heartbeating():
            unknown = await settle_all(self._tools, ref.position_id)
        return await self._holding(ref, unknown=bool(unknown), settling=not unknown)

    @activity.defn
    async def sell(self, ask: SellAsk) -> Sold:
        """Sell until nothing sellable is left; partial fills are tried again on a fresh book.

        An order that nobody can look up does not hold the sale up: only the shares of an unknown sale are kept.
        """
        tools, ref = self._tools, ask.ref
        left: str | None = "no_bids"
        async with heartbeating():
            if ask.share == 1:
                await positions.set_position_state(
                    tools.engine, ref.position_id, PositionState.EXITING, exit_reason=ask.reason
                )
            # a run that died between intent and signature must not keep its shares from being sold
            await unsigned.give_up_sales(tools.engine, ref.position_id)
            await withdraw_resting(tools, ref.position_id)
            rounds, patient_until = 0, tools.wall() + tools.patience.mode_max
            for number in itertools.count():
                await settle_all(tools, ref.position_id, side=Side.SELL)
                left = await self._sell_once(ask, f"{ask.tries}.{activity.info().attempt}.{number}")
                if left == TAKEN:
                    continue
                if left is None or left in ("below_minimum", "market_closed", "pending"):
                    break
                if left == "venue_mode" and tools.wall() < patient_until:
                    # a restart of the venue's engine costs an exit time, but none of its rounds
                    await asyncio.sleep(tools.patience.mode_pause.total_seconds())
                    continue
                rounds += 1
                if rounds >= tools.patience.sale_rounds:
                    break
                await asyncio.sleep(tools.patience.sale_pause.total_seconds() * rounds)
            unknown = await settle_all(tools, ref.position_id)
            if left is None and not unknown:
                await wait_final(tools, ref.position_id)
            refused = await self._refused(ask) if left == "refused" else None
        holding = await self._holding(ref, unknown=bool(unknown))
        if left is None and ask.share == 1 and holding.held:
            left = "below_minimum"
        return Sold(holding=holding, left=left, attention=refused)

    @activity.defn
    async def settle_by_hand(self, ask: SettleByHand) -> Holding:
        """Write what an operator found out about an order; fills that are booked already count towards it.

        What our books refuse, such as a sale of more than there is, leaves the order as it was.
        """
        found = await orders.find_by_digest(self._tools.engine, ask.digest)
        assert found is not None, f"order {ask.digest} is not ours"
        order, now, refused = found[0], self._tools.wall(), None
        missing = ask.shares - await fills.booked_shares(self._tools.engine, order.id)
        if ask.outcome is Resolution.FILLED and not order.finished and missing > 0:
            fill = Fill(
                trade_id=f"{fills.OPERATOR}{ask.digest}",
                order_digest=ask.digest,
                token_id=ask.ref.token_id,
                side=order.request.side,
                shares=missing,
                price=ask.price or order.request.limit_price,
                fee=ask.fee,
                status=FillStatus.CONFIRMED,
                matched_at=ask.ref.clock.clock().venue_time(now),
                transaction_hash="",
            )
            refused = await reconcile.book(self._tools.engine, order.id, [fill], now=now)
        if refused is None:
            await orders.set_order_state(self._tools.engine, order.id, OrderState.DONE, now=now)
        holding = await self._holding(ask.ref, unknown=True)
        return holding.model_copy(update={"refused": refused})

    async def _sell_once(self, ask: SellAsk, number: str) -> str | None:
        """Send one order; return None when nothing is left to sell, else why something is."""
        tools, ref = self._tools, ask.ref
        row = await positions.load_position(tools.engine, ref.position_id)
        if row.books.shares < SHARE_QUANTUM:
            return None
        market = await tools.venue.market_of(ref.token_id, fresh=True)
        try:
            book = await tools.venue.book(ref.token_id)
        except MarketUnknown:
            book = None
        size = await self._still_to_sell(ask, row, market)
        if size < SHARE_QUANTUM:
            return None
        now = tools.wall()
        now_venue = ref.clock.clock().venue_time(now)
        request = exit_order(
            market=market,
            book=book,
            shares=size,
            aggressive=ask.aggressive or urgent(ask.reason, market, now_venue, tools.limits),
            limits=tools.limits,
        )
        if isinstance(request, Dust):
            return request.reason
        order = await orders.create_exit_intent(
            tools.engine,
            ref.position_id,
            request,
            order_id=f"{ask.name}-{number}",
            reason=ask.reason,
            now=now,
            now_venue=now_venue,
        )
        if order is None:
            return "pending"
        if order.finished:
            # of a run before this one: bytes that were refused then could be taken now
            return TAKEN
        outcome = await submit(tools, order, market)
        if isinstance(outcome, Rejected) and not already_placed(outcome):
            return "venue_mode" if outcome.code in VENUE_MODES else "refused"
        matched = outcome.matched_shares if isinstance(outcome, Accepted) and not outcome.delayed else None
        await settle(tools, await orders.load_order(tools.engine, order.id), matched=matched)
        after = await positions.load_position(tools.engine, ref.position_id)
        return "partial" if await self._still_to_sell(ask, after, market) >= SHARE_QUANTUM else None

    async def _refused(self, ask: SellAsk) -> str | None:
        """Say why the venue takes no sale, and note it, where another try will not mend it."""
        tools, ref = self._tools, ask.ref
        sales = [o for o in await orders.orders_of(tools.engine, ref.position_id) if o.request.side is Side.SELL]
        code = sales[-1].reject_code if sales else None
        if code is None or code in PASSING or code in VENUE_MODES:
            return None
        cause = f"the exchange refuses to sell ({code}): {sales[-1].reject_message}"
        if code == "not_enough_balance":
            row = await positions.load_position(tools.engine, ref.position_id)
            with contextlib.suppress(VenueUnavailable):
                theirs = await tools.venue.shares(ref.token_id)
                cause += (
                    f"; this position holds {row.books.shares:f} shares, the account at the exchange {theirs:f}"
                )
        if ask.share == 1:
            await positions.set_position_state(
                tools.engine, ref.position_id, PositionState.NEEDS_ATTENTION, attention=cause
            )
        return cause

    async def _still_to_sell(self, ask: SellAsk, row: PositionRow, market: Market) -> Decimal:
        """Return the shares that the sale has not sold yet; 0 when only dust of its part is left."""
        if ask.share == 1:
            return row.books.shares
        sold = await fills.sold_under(self._tools.engine, row.id, ask.name)
        wanted = sale_size(held=row.books.shares + sold, share=ask.share, minimum=market.min_order_size)
        left = wanted - sold
        return left if sold == 0 or left >= market.min_order_size else ZERO

    async def _holding(self, ref: Ref, *, unknown: bool, settling: bool = False) -> Holding:
        row = await positions.load_position(self._tools.engine, ref.position_id)
        digests, all_orders = [], await orders.orders_of(self._tools.engine, ref.position_id)
        if unknown:
            for order in all_orders:
                if order.signed is not None and not order.finished:
                    digests.append(order.signed.digest)
                    side = "sale" if order.request.side is Side.SELL else "purchase"
                    await positions.set_position_state(
                        self._tools.engine,
                        ref.position_id,
                        PositionState.NEEDS_ATTENTION,
                        attention=f"{side} {order.signed.digest} could not be looked up",
                    )
        placed = tuple(order.signed.digest for order in all_orders if order.signed is not None)
        return Holding.of(row.books, unknown=tuple(digests), settling=settling, orders=placed)
