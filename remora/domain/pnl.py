"""Books of one position, folded from its fills and redemptions."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from remora.domain.ids import OrderDigest
from remora.domain.money import ZERO, Side
from remora.domain.orders import Fill, FillStatus


@dataclass(frozen=True, slots=True)
class Redemption:
    """Shares exchanged for their payout after resolution."""

    shares: Decimal
    payout: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBooks:
    """What a position owns, paid and got back, in shares and dollars; fees are counted apart."""

    bought_shares: Decimal = ZERO
    bought_notional: Decimal = ZERO
    sold_shares: Decimal = ZERO
    sold_notional: Decimal = ZERO
    redeemed_shares: Decimal = ZERO
    redeemed_dollars: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def shares(self) -> Decimal:
        """Shares held now."""
        return self.bought_shares - self.sold_shares - self.redeemed_shares

    @property
    def average_price(self) -> Decimal | None:
        """Mean entry price without fees, None before the first fill."""
        return None if self.bought_shares == 0 else self.bought_notional / self.bought_shares

    @property
    def cost(self) -> Decimal:
        """Entry cost of the shares still held, without fees."""
        return ZERO if self.average_price is None else self.average_price * self.shares

    @property
    def proceeds(self) -> Decimal:
        """Dollars from sales and redemptions, before fees."""
        return self.sold_notional + self.redeemed_dollars

    @property
    def realised_pnl(self) -> Decimal:
        """Dollars gained by what was sold or redeemed, all fees so far taken off."""
        if self.average_price is None:
            return -self.fees
        gone = self.sold_shares + self.redeemed_shares
        return self.proceeds - self.average_price * gone - self.fees


def position_books(fills: Iterable[Fill], redemptions: Iterable[Redemption] = ()) -> PositionBooks:
    """Return the books after `fills`, whatever their order and however often each is reported.

    A fill is one order's part in one trade; if any report of it says FAILED, it leaves no trace.
    """
    bought_shares = bought_notional = sold_shares = sold_notional = fees = ZERO
    for fill in _standing(fills):
        fees += fill.fee
        if fill.side is Side.BUY:
            bought_shares += fill.shares
            bought_notional += fill.shares * fill.price
        else:
            sold_shares += fill.shares
            sold_notional += fill.shares * fill.price
    redeemed = list(redemptions)
    return PositionBooks(
        bought_shares=bought_shares,
        bought_notional=bought_notional,
        sold_shares=sold_shares,
        sold_notional=sold_notional,
        redeemed_shares=sum((r.shares for r in redeemed), ZERO),
        redeemed_dollars=sum((r.payout for r in redeemed), ZERO),
        fees=fees,
    )


def _standing(fills: Iterable[Fill]) -> list[Fill]:
    reports: dict[tuple[str, OrderDigest], Fill] = {}
    for fill in fills:
        key = (fill.trade_id, fill.order_digest)
        if key not in reports or fill.status is FillStatus.FAILED:
            reports[key] = fill
    return [fill for fill in reports.values() if fill.status is not FillStatus.FAILED]
