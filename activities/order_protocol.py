"""Sign once, persist, send the same bytes; unknown is looked up, never re-signed."""

import asyncio
import contextlib
from datetime import timedelta
from decimal import Decimal

from opentelemetry.trace import Span

from activities.spans import order_attributes, outcome_attributes
from activities.tools import Tools
from remora.domain.market import Market
from remora.domain.money import ZERO, Side
from remora.domain.orders import (
    INCONCLUSIVE_ON_RESEND,
    RESTING,
    UNMATCHED,
    Accepted,
    OrderState,
    OrderType,
    Purpose,
    Rejected,
    SendOutcome,
    Unknown,
    wholly_filled,
)
from remora.storage import fills, orders, positions
from remora.storage.decisions import DEADLINE
from remora.storage.orders import OrderRow
from remora.venues.venue import VenueError, VenueUnavailable


async def submit(tools: Tools, order: OrderRow, market: Market) -> SendOutcome:
    """Sign an order unless it is signed, persist it, send it, and record the answer."""
    with tools.tracer.start_as_current_span("submit order", attributes=order_attributes(order)) as span:
        outcome = await _submit(tools, order, market)
        span.set_attributes(outcome_attributes(outcome))
        return outcome


async def _submit(tools: Tools, order: OrderRow, market: Market) -> SendOutcome:
    signed, again = order.signed, True
    if signed is None:
        fresh = await tools.venue.sign(order.request, market)
        signed = await orders.attach_signed(tools.engine, order.id, fresh, now=tools.wall())
        if signed is None:
            refused = Rejected(digest=fresh.digest, code="desk_stopped", message="the desk has stopped entries")
            await _reject(tools, order, refused.code, refused.message, unsigned=True)
            return refused
        again = signed is not fresh
    if again:
        await orders.mark_sending(tools.engine, order.id, now=tools.wall())
    outcome = await tools.venue.send(signed)
    if isinstance(outcome, Accepted):
        await orders.set_order_state(tools.engine, order.id, OrderState.LIVE, now=tools.wall())
    elif isinstance(outcome, Rejected) and not already_placed(outcome):
        if again and outcome.code in INCONCLUSIVE_ON_RESEND:
            return Unknown(digest=outcome.digest, cause=f"sent before, and now {outcome.code}")
        await _reject(tools, order, outcome.code, outcome.message)
    return outcome


def already_placed(outcome: Rejected) -> bool:
    """Whether the refusal says that the venue has this very order already."""
    return "duplicated" in f"{outcome.code} {outcome.message}".lower()


async def _reject(tools: Tools, order: OrderRow, code: str, message: str, *, unsigned: bool = False) -> None:
    await orders.set_order_state(
        tools.engine,
        order.id,
        OrderState.REJECTED,
        now=tools.wall(),
        code=code,
        message=message,
        unsigned=unsigned,
    )


async def refuse_late(tools: Tools, order: OrderRow) -> None:
    """Give up an entry that was never sent and has become too old; one that another run sent meanwhile stays."""
    await give_up(tools, order, DEADLINE, "the signal became too old before the order was sent")


async def give_up(tools: Tools, order: OrderRow, code: str, message: str) -> None:
    """Give up an order that was never signed; one that another run signed meanwhile stays."""
    await _reject(tools, order, code, message, unsigned=True)


async def settle(tools: Tools, order: OrderRow, *, matched: Decimal | None = None) -> bool:
    """Look an order up until nothing more of it can fill, or it rests; False when its fate stays unknown.

    Not found for a while: the identical bytes are sent again. `matched` shares, if known, must all show as fills.
    """
    with tools.tracer.start_as_current_span("settle order", attributes=order_attributes(order)) as span:
        return await _settle(tools, order, matched, span)


async def _settle(tools: Tools, order: OrderRow, matched: Decimal | None, span: Span) -> bool:
    assert order.signed is not None
    digest, condition_id = order.signed.digest, order.request.condition_id
    patience, missing, quiet, sends, before = tools.patience, 0, 0, 1, Decimal(-1)
    # an order that the venue matched and that fills at once or never is in no list of open orders
    may_rest = matched is None or order.request.order_type not in (OrderType.FAK, OrderType.FOK)
    for _ in range(patience.looks):
        try:
            found = await tools.venue.look_up(digest, condition_id=condition_id, may_rest=may_rest)
        except VenueUnavailable:
            await _pause(patience.look_pause)
            continue
        filled = sum((fill.shares for fill in found.fills), ZERO)
        if found.found:
            await fills.record_fills(tools.engine, order.id, found.fills, now=tools.wall())
            if filled > max(before, ZERO):
                span.add_event("order.filled", {"remora.order.filled_shares": float(filled)})
            quiet = quiet + 1 if filled == before else 0
            before = filled
            complete = filled >= matched if matched is not None else quiet >= patience.quiet_looks
            if wholly_filled(order.request, found.fills) or (not found.live and complete):
                await orders.set_order_state(tools.engine, order.id, OrderState.DONE, now=tools.wall())
                return True
            if found.live and order.request.order_type in RESTING:
                await orders.set_order_state(tools.engine, order.id, OrderState.LIVE, now=tools.wall())
                return True
            missing = 0
        else:
            missing += 1
            # what the venue has matched will show, however late
            if not matched and await _end_if_gone(tools, order, missing):
                return True
            if missing % patience.resend_after == 0 and sends < patience.sends_max and await _wanted(tools, order):
                sends += 1
                if await _send_again(tools, order):
                    return True
                order = await orders.load_order(tools.engine, order.id)
        await _pause(patience.look_pause)
    await orders.set_order_state(tools.engine, order.id, OrderState.UNKNOWN, now=tools.wall())
    return False


async def _end_if_gone(tools: Tools, order: OrderRow, missed: int) -> bool:
    """End an order that `missed` looks in a row have not found if no fill can come of it; tell whether it has."""
    if order.acked_at is not None and order.request.order_type in RESTING and missed > 1:
        # it rested: somebody cancelled it, we or the venue
        await orders.set_order_state(tools.engine, order.id, OrderState.DONE, now=tools.wall())
        return True
    # a list of trades may lag: what the venue said on its stream is believed once that shows nothing for a while
    if missed < tools.patience.quiet_looks:
        return False
    status = await orders.told_unmatched(tools.engine, order.id)
    if status is None:
        return False
    await _reject(tools, order, UNMATCHED, f"the exchange ended it without a match ({status})")
    return True


async def _wanted(tools: Tools, order: OrderRow) -> bool:
    """Whether an order may be sent again: not if the venue has taken it.

    Nor an entry that is old, of a leaving position, or after a stop.
    """
    if order.acked_at is not None:
        return False
    if order.purpose is not Purpose.ENTRY:
        return True
    if tools.wall() - order.decided_at > tools.limits.signal_age_max:
        return False
    if (await positions.load_position(tools.engine, order.position_id)).exit_reason is not None:
        return False
    return await orders.entries_allowed(tools.engine, order.account)


async def _send_again(tools: Tools, order: OrderRow) -> bool:
    """Send the identical bytes; True when the venue refuses them for certain.

    A venue that takes no orders just now, or finds too little to pay with, says nothing about the first time these
    bytes were sent: they may have filled, and the list of trades may not show it yet.
    """
    assert order.signed is not None
    await orders.mark_sending(tools.engine, order.id, now=tools.wall())
    outcome = await tools.venue.send(order.signed)
    if isinstance(outcome, Accepted):
        await orders.set_order_state(tools.engine, order.id, OrderState.LIVE, now=tools.wall())
    if not isinstance(outcome, Rejected) or already_placed(outcome) or outcome.code in INCONCLUSIVE_ON_RESEND:
        return False
    await _reject(tools, order, outcome.code, outcome.message)
    return True


async def settle_all(tools: Tools, position_id: str, *, side: Side | None = None) -> tuple[OrderRow, ...]:
    """Bring every unfinished order of a position (on one side, if given) to its end; return the unknown ones."""
    unknown = []
    for order in await orders.orders_of(tools.engine, position_id, unfinished=True):
        if order.state is OrderState.INTENT or order.signed is None or side not in (None, order.request.side):
            continue
        if not await settle(tools, order):
            unknown.append(order)
    return tuple(unknown)


async def withdraw_resting(tools: Tools, position_id: str) -> None:
    """Cancel a position's resting orders; what filled in the meantime is booked by the next look at them."""
    for order in await orders.orders_of(tools.engine, position_id, unfinished=True):
        if order.signed is not None and order.request.order_type in RESTING:
            with contextlib.suppress(VenueError):
                await tools.venue.cancel(order.signed.digest)


async def wait_final(tools: Tools, position_id: str) -> bool:
    """Follow settlement until every fill is final; False when patience ends first."""
    deadline, pause = tools.wall() + tools.patience.settle_max, tools.patience.look_pause
    while waiting := await fills.unsettled(tools.engine, position_id):
        if tools.wall() > deadline:
            return False
        for order_id in sorted(waiting):
            order = await orders.load_order(tools.engine, order_id)
            assert order.signed is not None
            try:
                found = await tools.venue.look_up(
                    order.signed.digest, condition_id=order.request.condition_id, may_rest=False
                )
            except VenueUnavailable:
                continue
            await fills.record_fills(tools.engine, order.id, found.fills, now=tools.wall())
        await _pause(pause)
        pause = min(2 * pause, tools.patience.settle_pause_max)
    return True


async def _pause(duration: timedelta) -> None:
    await asyncio.sleep(duration.total_seconds())
