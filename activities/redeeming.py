"""Shares of a resolved market become dollars, at the venue and in our books."""

from decimal import Decimal

from activities.tools import Tools
from remora.domain.market import Market
from remora.domain.money import ZERO
from remora.storage import redemptions


class RedemptionDisputed(Exception):
    """The venue credited other dollars than the market's payouts promise; nothing was booked."""

    def __init__(self, expected: Decimal, credited: Decimal) -> None:
        super().__init__(f"the payouts promise {expected} dollars, the venue credited {credited}")
        self.expected = expected
        self.credited = credited


async def redeem_market(tools: Tools, market: Market) -> Decimal:
    """Redeem all our shares of a resolved market and book them; safe to repeat after a crash in between."""
    assert market.payouts is not None, f"market {market.condition_id} has no payouts yet"
    account = tools.venue.account
    payouts = {outcome.token_id: payout for outcome, payout in zip(market.outcomes, market.payouts, strict=True)}
    await tools.venue.redeem(market.condition_id)
    left = [await tools.venue.shares(token) for token in payouts]
    if any(left):
        raise RedemptionDisputed(ZERO, sum(left, ZERO))
    return await redemptions.book_redemption(
        tools.engine, account, market.condition_id, payouts=payouts, now=tools.wall()
    )
