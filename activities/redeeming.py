"""Shares of a resolved market become dollars, at the venue and in our books."""

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal

from activities.tools import Tools
from remora.domain.ids import ConditionId, TokenId
from remora.domain.market import Market
from remora.domain.money import MICRO, ZERO, floor_to
from remora.storage import redemptions
from remora.venues.venue import VenueRefused

SENT_ALREADY = ("already known", "nonce too low", "replacement transaction")
"""Words of a node that has a transaction with this number."""


class RedemptionDisputed(Exception):
    """The chain does not do what the market's payouts promise; the message says what, for a person."""


async def redeem_market(tools: Tools, market: Market) -> Decimal:
    """Redeem all our shares of a resolved market and book them; safe to repeat after a crash in between.

    Booked is what the chain paid, now or before somebody crashed. Raises RedemptionDisputed when that is not what
    the payouts promise (booked nevertheless), when shares are left (nothing is booked), when the chain refuses, or
    while the venue does not show what an earlier redemption paid (nothing is booked).
    """
    assert market.payouts is not None, f"market {market.condition_id} has no payouts yet"
    payouts = {outcome.token_id: payout for outcome, payout in zip(market.outcomes, market.payouts, strict=True)}
    before = {token: await tools.venue.shares(token) for token in payouts}
    promised = sum((floor_to(held * payouts[token], MICRO) for token, held in before.items()), ZERO)
    try:
        credited = await tools.venue.redeem(market.condition_id)
    except VenueRefused as error:
        if not await _under_way(tools, payouts, error):
            raise RedemptionDisputed(f"the chain refuses the redemption: {error}") from error
        credited = ZERO
    left = sum([await tools.venue.shares(token) for token in payouts], ZERO)
    if left:
        raise RedemptionDisputed(f"the redemption left {left:f} shares unredeemed")
    if not credited:
        credited, promised = await _paid_before(tools, market.condition_id, payouts)
    else:
        # shares that left the account unheard are paid to nobody here; unheard purchases are booked later
        account = tools.venue.account
        owed, _ = await redemptions.owed_and_booked(tools.engine, account, market.condition_id, payouts=payouts)
        promised = max(promised, owed)
    disputed = abs(credited - promised) > redemptions.ROUNDING
    booked = await redemptions.book_redemption(
        tools.engine,
        tools.venue.account,
        market.condition_id,
        payouts=payouts,
        paid=None if credited == promised else credited,
        now=tools.wall(),
    )
    if disputed:
        raise RedemptionDisputed(
            f"the chain paid {credited:f} dollars for the redemption, the payouts promise {promised:f}; "
            "what it paid is booked"
        )
    return booked


async def _paid_before(
    tools: Tools, condition_id: ConditionId, payouts: Mapping[TokenId, Decimal]
) -> tuple[Decimal, Decimal]:
    """Return what was paid for shares that are gone and still in our books, and what the payouts promise for them.

    They were redeemed before a crash, for another position of the market, or by the venue itself.
    """
    account = tools.venue.account
    owed, booked = await redemptions.owed_and_booked(tools.engine, account, condition_id, payouts=payouts)
    shown = await tools.venue.redeemed(condition_id) if owed else None
    if shown is None:
        return owed, owed
    if shown <= booked:
        raise RedemptionDisputed(
            f"the venue does not show yet what a redemption paid for shares worth {owed:f} dollars"
        )
    # more than is owed was paid for shares that our books do not know yet
    paid = shown - booked
    return (owed if paid - owed > redemptions.ROUNDING else paid), owed


async def _under_way(tools: Tools, tokens: Iterable[TokenId], error: VenueRefused) -> bool:
    """Whether the same transaction was sent already, for another position of the market, and went through."""
    if not any(words in str(error) for words in SENT_ALREADY):
        return False
    for _ in range(tools.patience.looks):
        await asyncio.sleep(tools.patience.look_pause.total_seconds())
        if not any([await tools.venue.shares(token) for token in tokens]):
            return True
    return False
