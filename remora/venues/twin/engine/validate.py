"""Which orders the exchange refuses, in its own words."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from remora.domain.money import Side, from_micros
from remora.domain.orders import OrderType
from remora.venues.twin.engine.plan import Step, fills_whole
from remora.venues.twin.engine.records import UNIT, Listing, NewOrder, Refusal, RestingOrder, text

MARKET_TYPES = (OrderType.FAK, OrderType.FOK)
GTD_EARLY_SECONDS = 60
GTD_AHEAD_SECONDS = 180
LATEST_EXPIRATION = 4_102_444_800
"""2100-01-01: an expiration beyond it is a mistake of units."""

AMOUNT_MAX = 10**18
"""A trillion dollars or shares, in millionths: no account holds as much."""

MARKETABLE_BUY_MIN = UNIT
SHARE_GRAIN = 10_000
CENT = 10_000
AMOUNT_DECIMALS = {100_000: 3, 10_000: 4, 5_000: 5, 2_500: 6, 1_000: 5, 100: 6}
NO_MATCH = (
    "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
)
NOT_FILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."


def limit_price(order: NewOrder, tick: int) -> int | None:
    """Return the order's price on the tick grid in millionths, None when its amounts fit no valid price.

    Amounts are rounded by the client, so that the implied price may miss the grid by what one rounding step of
    the shares is worth.
    """
    dollars, shares = _dollars_and_shares(order)
    if dollars <= 0 or shares <= 0:
        return None
    price = (2 * dollars * UNIT + shares * tick) // (2 * shares * tick) * tick
    if not tick <= price <= UNIT - tick:
        return None
    step = 10 ** (6 - AMOUNT_DECIMALS.get(tick, 4))
    missed = abs(dollars * UNIT - price * shares)
    return price if missed <= 2 * step * UNIT else None


def refuse(order: NewOrder, listing: Listing, wall: datetime) -> Refusal | None:
    """Return why an order is refused before it meets the book, None when it may go on."""
    if listing.closed:
        return Refusal(400, f"the orderbook {order.token_id} does not exist")
    if not listing.accepting:
        return Refusal(200, "the market is not yet ready to process new orders")
    return _refuse_amounts(order, listing) or _refuse_times(order, wall)


def refuse_match(asked: NewOrder, order: RestingOrder, steps: Sequence[Step]) -> Refusal | None:
    """Return why an order is refused for what it would do to the book, None when it may go on."""
    if asked.post_only and steps:
        return Refusal(200, "invalid post-only order: order crosses book")
    if steps and order.side is Side.BUY and asked.maker_amount < MARKETABLE_BUY_MIN:
        return _too_few_dollars(asked.maker_amount)
    if asked.order_type is OrderType.FAK and not steps:
        return Refusal(400, NO_MATCH)
    if asked.order_type is OrderType.FOK and not fills_whole(order, steps):
        return Refusal(400, NOT_FILLED)
    return None


def _refuse_amounts(order: NewOrder, listing: Listing) -> Refusal | None:
    dollars, shares = _dollars_and_shares(order)
    price = limit_price(order, listing.tick)
    if price is None:
        shown = _shown_price(dollars, shares)
        return _invalid(order, f"Price ({shown}) breaks minimum tick size rule: {listing.tick_size}")
    if max(dollars, shares) > AMOUNT_MAX:
        return Refusal(400, "not enough balance / allowance: the balance is not enough")
    minimum = listing.spec.min_order_size
    if from_micros(shares) < minimum:
        return _invalid(order, f"Size ({text(shares)}) lower than the minimum: {minimum}")
    if order.order_type in MARKET_TYPES and order.side is Side.BUY:
        if dollars % CENT or shares % 10:
            return Refusal(
                400,
                "the market buy orders maker amount supports a max accuracy of 2 decimals, "
                "taker amount a max of 5 decimals",
            )
        if dollars < MARKETABLE_BUY_MIN:
            return _too_few_dollars(dollars)
    elif shares % SHARE_GRAIN:
        places = len(text(shares).partition(".")[2])
        return Refusal(400, f"Size {text(shares)} has {places} decimal places. Maximum lot size is 2")
    return None


def _refuse_times(order: NewOrder, wall: datetime) -> Refusal | None:
    if order.post_only and order.order_type in MARKET_TYPES:
        return Refusal(400, "Invalid order payload")
    if order.order_type is OrderType.GTD:
        earliest = wall.timestamp() + GTD_AHEAD_SECONDS - 1
        if not earliest <= order.expiration <= LATEST_EXPIRATION:
            return Refusal(200, "invalid expiration")
    elif order.expiration != 0:
        return Refusal(200, "invalid expiration")
    return None


def _invalid(order: NewOrder, why: str) -> Refusal:
    return Refusal(400, f"order {order.digest} is invalid. {why}")


def _too_few_dollars(dollars: int) -> Refusal:
    return Refusal(400, f"invalid amount for a marketable BUY order (${text(dollars)}), min size: $1")


def _dollars_and_shares(order: NewOrder) -> tuple[int, int]:
    if order.side is Side.BUY:
        return order.maker_amount, order.taker_amount
    return order.taker_amount, order.maker_amount


def _shown_price(dollars: int, shares: int) -> str:
    return "0" if shares <= 0 else f"{(Decimal(dollars) / Decimal(shares)):.6f}".rstrip("0").rstrip(".")
