"""Books of one position, folded from its fills and redemptions."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from remora.domain.ids import OrderDigest
from remora.domain.money import MICRO, ZERO, Side
from remora.domain.orders import Fill, FillStatus


@dataclass(frozen=True, slots=True)
class Redemption:
    """Shares exchanged for their payout after resolution."""

    shares: Decimal
    payout: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBooks:
    """What a position owns, paid and got back, in shares and dollars; fees are counted apart.

    `cost` is the entry cost of the shares still held, without fees: a sale takes its share of it away, so that a
    later purchase at another price moves nothing that was gained before (the weighted average cost method).
    """

    bought_shares: Decimal = ZERO
    bought_notional: Decimal = ZERO
    sold_shares: Decimal = ZERO
    sold_notional: Decimal = ZERO
    redeemed_shares: Decimal = ZERO
    redeemed_dollars: Decimal = ZERO
    cost: Decimal = ZERO
    fees: Decimal = ZERO

    @property
    def shares(self) -> Decimal:
        """Shares held now."""
        return self.bought_shares - self.sold_shares - self.redeemed_shares

    @property
    def average_price(self) -> Decimal | None:
        """Mean entry price of what is held, of all purchases once nothing is, without fees; None before any."""
        if self.bought_shares == 0:
            return None
        held = self.shares
        return self.cost / held if held > 0 else self.bought_notional / self.bought_shares

    @property
    def proceeds(self) -> Decimal:
        """Dollars from sales and redemptions, before fees."""
        return self.sold_notional + self.redeemed_dollars

    @property
    def realised_pnl(self) -> Decimal:
        """Dollars gained by what was sold or redeemed, all fees so far taken off."""
        return self.proceeds - (self.bought_notional - self.cost) - self.fees

    def bought(self, shares: Decimal, notional: Decimal, fee: Decimal) -> "PositionBooks":
        """Return the books after a purchase."""
        return PositionBooks(
            bought_shares=self.bought_shares + shares,
            bought_notional=self.bought_notional + notional,
            sold_shares=self.sold_shares,
            sold_notional=self.sold_notional,
            redeemed_shares=self.redeemed_shares,
            redeemed_dollars=self.redeemed_dollars,
            cost=self.cost + notional,
            fees=self.fees + fee,
        )

    def sold(self, shares: Decimal, notional: Decimal, fee: Decimal) -> "PositionBooks":
        """Return the books after a sale."""
        return PositionBooks(
            bought_shares=self.bought_shares,
            bought_notional=self.bought_notional,
            sold_shares=self.sold_shares + shares,
            sold_notional=self.sold_notional + notional,
            redeemed_shares=self.redeemed_shares,
            redeemed_dollars=self.redeemed_dollars,
            cost=self._cost_without(shares),
            fees=self.fees + fee,
        )

    def redeemed(self, shares: Decimal, dollars: Decimal) -> "PositionBooks":
        """Return the books after a redemption that paid `dollars`."""
        return replace(
            self,
            redeemed_shares=self.redeemed_shares + shares,
            redeemed_dollars=self.redeemed_dollars + dollars,
            cost=self._cost_without(shares),
        )

    def _cost_without(self, shares: Decimal) -> Decimal:
        held = self.shares
        left = held - shares
        return (self.cost * left / held).quantize(MICRO) if held > 0 and left > 0 else ZERO


def position_books(fills: Iterable[Fill], redemptions: Iterable[Redemption] = ()) -> PositionBooks:
    """Return the books after `fills`, whatever their order and however often each is reported.

    A fill is one order's part in one trade; if any report of it says FAILED, it leaves no trace. Fills count by
    their venue time, purchases before sales within one instant; redemptions come after all of them.
    """
    books = PositionBooks()
    for fill in sorted(_standing(fills), key=_moment):
        change = books.bought if fill.side is Side.BUY else books.sold
        books = change(fill.shares, fill.shares * fill.price, fill.fee)
    for redemption in redemptions:
        books = books.redeemed(redemption.shares, redemption.payout)
    return books


def _moment(fill: Fill) -> tuple[datetime, bool, str, str]:
    return fill.matched_at, fill.side is Side.SELL, fill.trade_id, fill.order_digest


def _standing(fills: Iterable[Fill]) -> list[Fill]:
    reports: dict[tuple[str, OrderDigest], Fill] = {}
    for fill in fills:
        key = (fill.trade_id, fill.order_digest)
        if key not in reports or fill.status is FillStatus.FAILED:
            reports[key] = fill
    return [fill for fill in reports.values() if fill.status is not FillStatus.FAILED]
