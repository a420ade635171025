"""Which orders the exchange refuses, in its own words."""

from datetime import datetime
from decimal import Decimal

from remora.domain.money import Side, from_micros
from remora.domain.orders import OrderType
from remora.venues.twin.engine.records import UNIT, Listing, NewOrder, Refusal, text

MARKET_TYPES = (OrderType.FAK, OrderType.FOK)
GTD_EARLY_SECONDS = 60
GTD_AHEAD_SECONDS = 180
MARKETABLE_BUY_MIN = UNIT
SHARE_GRAIN = 10_000
CENT = 10_000
PRICE_DECIMALS = {100_000: 1, 10_000: 2, 5_000: 3, 2_500: 4, 1_000: 3, 100: 4}
AMOUNT_DECIMALS = {100_000: 3, 10_000: 4, 5_000: 5, 2_500: 6, 1_000: 5, 100: 6}


def limit_price(order: NewOrder, tick: int) -> int | None:
    """Return the order's price on the tick grid in millionths, None when its amounts fit no valid price.

    Amounts are rounded by the client, so that the implied price may miss the grid by what one rounding step of
    the shares is worth.
    """
    dollars, shares = _dollars_and_shares(order)
    if dollars <= 0 or shares <= 0:
        return None
    price = round(dollars * UNIT / shares / tick) * tick
    if not tick <= price <= UNIT - tick:
        return None
    step = 10 ** (6 - AMOUNT_DECIMALS.get(tick, 4))
    missed = abs(dollars * UNIT - price * shares)
    return price if missed <= 2 * step * max(price, UNIT) else None


def refuse(order: NewOrder, listing: Listing | None, now: datetime) -> Refusal | None:
    """Return why an order is refused before it meets the book, None when it may go on."""
    if listing is None:
        return Refusal(400, "Invalid order payload")
    if listing.closed or not listing.accepting:
        return Refusal(200, "the market is not yet ready to process new orders")
    return _refuse_amounts(order, listing) or _refuse_times(order, now)


def _refuse_amounts(order: NewOrder, listing: Listing) -> Refusal | None:
    dollars, shares = _dollars_and_shares(order)
    price = limit_price(order, listing.tick)
    if price is None:
        shown = _shown_price(dollars, shares)
        return Refusal(
            400,
            f"order {order.digest} is invalid. Price ({shown}) breaks minimum tick size rule: {listing.tick_size}",
        )
    market_order = order.order_type in MARKET_TYPES
    minimum = listing.spec.min_order_size
    if not (market_order and order.side is Side.BUY) and from_micros(shares) < minimum:
        return Refusal(
            400, f"order {order.digest} is invalid. Size ({text(shares)}) lower than the minimum: {minimum}"
        )
    if order.side is Side.SELL and shares % SHARE_GRAIN:
        return Refusal(400, f"Size {text(shares)} has too many decimal places. Maximum lot size is 2")
    if market_order and order.side is Side.BUY:
        if dollars % CENT or shares % 10:
            return Refusal(
                400,
                "the market buy orders maker amount supports a max accuracy of 2 decimals, "
                "taker amount a max of 5 decimals",
            )
        if dollars < MARKETABLE_BUY_MIN:
            return Refusal(400, f"invalid amount for a marketable BUY order (${text(dollars)}), min size: $1")
    return None


def _refuse_times(order: NewOrder, now: datetime) -> Refusal | None:
    if order.post_only and order.order_type in MARKET_TYPES:
        return Refusal(400, "Invalid order payload")
    if order.order_type is OrderType.GTD:
        if order.expiration < now.timestamp() + GTD_AHEAD_SECONDS - 1:
            return Refusal(200, "invalid expiration")
    elif order.expiration != 0:
        return Refusal(200, "invalid expiration")
    return None


def _dollars_and_shares(order: NewOrder) -> tuple[int, int]:
    if order.side is Side.BUY:
        return order.maker_amount, order.taker_amount
    return order.taker_amount, order.maker_amount


def _shown_price(dollars: int, shares: int) -> str:
    return "0" if shares <= 0 else f"{(Decimal(dollars) / Decimal(shares)):.6f}".rstrip("0").rstrip(".")
