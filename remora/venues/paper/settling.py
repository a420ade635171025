"""Fills that never become final: matched by the venue, refused by the chain, and given back."""

from datetime import datetime

from remora.domain.money import MICRO, Side, floor_to
from remora.domain.paper import Settlement
from remora.venues.paper.store import PaperTurn


async def undo_failed(turn: PaperTurn, settlement: Settlement, now: datetime) -> None:
    """Take back every fill that is due to fail; one whose shares or dollars were used since settles after all.

    On the venue the later trade would fail with it; here neither does, which changes no one's money.
    """
    for row in await turn.failing(before=now - settlement.confirmed_after):
        fill = row.fill
        dollars = floor_to(fill.shares * fill.price, MICRO)
        buys = fill.side is Side.BUY
        if buys:
            held = {holding.token_id: holding for holding in await turn.holdings()}.get(fill.token_id)
            covered = held is not None and held.shares >= fill.shares
        else:
            covered = await turn.cash() >= dollars - fill.fee
        if covered:
            order = await turn.order(fill.order_digest)
            assert order is not None, f"fill {fill.trade_id} of no order"
            await turn.move(
                dollars=dollars + fill.fee if buys else fill.fee - dollars,
                token_id=fill.token_id,
                condition_id=order.request.condition_id,
                shares=-fill.shares if buys else fill.shares,
            )
        await turn.end_failing(fill.trade_id, undone=covered)
