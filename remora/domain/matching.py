"""The taker's side of the venue's matching rules on a book of others, exact to the millionth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from remora.domain.books import Level, OrderBook
from remora.domain.fees import taker_fee
from remora.domain.market import Market
from remora.domain.money import MICRO, ONE, ZERO, Side, floor_to, from_micros, micros
from remora.domain.orders import OrderRequest, OrderType
from remora.domain.precision import CENT, SHARE_QUANTUM, on_tick

MARKET_TYPES = (OrderType.FAK, OrderType.FOK)
MARKETABLE_BUY_MIN = ONE
UNIT = 1_000_000
RESIDUE = 10_000
"""Millionths of a dollar that rounding leaves of a market purchase: too little to go to the next level with.

The finest tick is $0.0001, so a whole number of millionths is reached every 0.01 shares at most, and 0.01 shares
cost less than one cent.
"""

Taken = Mapping[Decimal, Decimal]
"""Shares that we took, by price, of levels that a book of others still shows."""


class Refused(StrEnum):
    """Why the venue takes an order not at all; the codes are those of a live refusal."""

    BALANCE = "not_enough_balance"
    FAK = "fak_not_filled"
    FOK = "fok_not_filled"
    TICK = "tick_size"
    MINIMUM = "below_minimum"
    MARKET = "market_not_ready"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal with the numbers behind it."""

    code: Refused
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What one price level gave: a fill of its own. `level_price` differs from `price` for a resting order."""

    price: Decimal
    shares: Decimal
    dollars: Decimal
    fee: Decimal
    level_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What an account may spend: balances less what its resting orders hold."""

    cash: Decimal
    shares: Decimal


@dataclass(frozen=True, slots=True)
class Match:
    """How an order meets a book; `rest` shares stay on it."""

    takings: tuple[Taking, ...]
    rest: Decimal


def affordable(dollars: int, price: int) -> int:
    """Return the shares that `dollars` buy at `price` so that their cost is whole; all in millionths."""
    if dollars < RESIDUE:
        return 0
    grain = UNIT // math.gcd(price, UNIT)
    return dollars * UNIT // price // grain * grain


def still_taken(taken: Taken, levels: Sequence[Level]) -> dict[Decimal, Decimal]:
    """Return what remains of our claims once `levels` are shown: never more than a level shows.

    We stood first in the queue, so that whatever others took or withdrew since came out of what we had taken
    already; only shares shown beyond our claim are free. A level that was gone is new when it comes back.
    """
    shown = {level.price: level.size for level in levels}
    left = {price: min(shares, shown.get(price, ZERO)) for price, shares in taken.items()}
    return {price: shares for price, shares in left.items() if shares > 0}


def free_levels(levels: Sequence[Level], taken: Taken) -> list[Level]:
    """Return what `levels` (best first) still offer us."""
    free = [Level(level.price, level.size - taken.get(level.price, ZERO)) for level in levels]
    return [level for level in free if level.size > 0]


def match(
    request: OrderRequest, *, market: Market, book: OrderBook, taken: Taken, funds: Funds
) -> Match | Refusal:
    """Return how an order would fill right now, or the venue's refusal.

    `taken` are our claims on the side of the book that the order meets.
    """
    refusal = _refuse_request(request, market)
    if refusal is not None:
        return refusal
    levels = free_levels(book.asks if request.side is Side.BUY else book.bids, taken)
    takings = _walk(request, market, levels)
    return _refuse_match(request, takings, funds) or Match(takings, _rest(request, takings))


def match_resting(
    *, side: Side, shares: Decimal, limit_price: Decimal, book: OrderBook, taken: Taken
) -> tuple[Taking, ...]:
    """Return what a resting order gets from a book that came to cross it: its own price, and no fee.

    A maker never gains from the crossing; the levels that crossed it are used up nevertheless.
    """
    levels = free_levels(book.asks if side is Side.BUY else book.bids, taken)
    takings, left = [], shares
    for level in levels:
        if left <= 0 or _beyond(side, level.price, limit_price):
            break
        got = min(left, level.size)
        dollars = floor_to(got * limit_price, MICRO)
        takings.append(Taking(price=limit_price, shares=got, dollars=dollars, fee=ZERO, level_price=level.price))
        left -= got
    return tuple(takings)


def _refuse_request(request: OrderRequest, market: Market) -> Refusal | None:
    if market.closed or not market.accepting_orders:
        return Refusal(Refused.MARKET, "the market takes no orders")
    if not on_tick(request.limit_price, market.tick_size):
        return Refusal(Refused.TICK, f"price {request.limit_price} breaks the tick {market.tick_size}")
    if request.shares < market.min_order_size:
        return Refusal(Refused.MINIMUM, f"size {request.shares} lower than the minimum {market.min_order_size}")
    if request.notional is None:
        if request.shares % SHARE_QUANTUM:
            return Refusal(Refused.MINIMUM, f"size {request.shares} has more than two decimals")
    elif request.notional % CENT or request.notional < MARKETABLE_BUY_MIN:
        return Refusal(Refused.MINIMUM, f"a marketable purchase of ${request.notional}; the minimum is $1")
    return None


def _refuse_match(request: OrderRequest, takings: Sequence[Taking], funds: Funds) -> Refusal | None:
    if request.side is Side.SELL:
        free, needed = funds.shares, request.shares
    else:
        free, needed = funds.cash, _dollars_needed(request, takings)
    if free < needed:
        return Refusal(Refused.BALANCE, f"the balance is not enough: balance {free}, order amount {needed}")
    if takings and request.side is Side.BUY and _limit_dollars(request) < MARKETABLE_BUY_MIN:
        return Refusal(Refused.MINIMUM, f"a marketable purchase of ${_limit_dollars(request)}; the minimum is $1")
    if request.order_type is OrderType.FAK and not takings:
        return Refusal(Refused.FAK, "nothing on the book to match with")
    if request.order_type is OrderType.FOK and not _whole(request, takings):
        return Refusal(Refused.FOK, "the book cannot fill the whole order")
    return None


def _walk(request: OrderRequest, market: Market, levels: Sequence[Level]) -> tuple[Taking, ...]:
    takings: list[Taking] = []
    shares = request.shares
    dollars = None if request.notional is None else request.notional
    for level in levels:
        if _beyond(request.side, level.price, request.limit_price):
            break
        wanted = shares if dollars is None else from_micros(affordable(micros(dollars), micros(level.price)))
        got = min(level.size, wanted)
        if got <= 0:
            break
        cost = floor_to(got * level.price, MICRO)
        fee = taker_fee(got, level.price, market.fee_rate, market.fee_exponent)
        takings.append(Taking(price=level.price, shares=got, dollars=cost, fee=fee, level_price=level.price))
        shares -= got
        if dollars is not None:
            dollars -= cost
    return tuple(takings)


def _beyond(side: Side, price: Decimal, limit: Decimal) -> bool:
    return price > limit if side is Side.BUY else price < limit


def _limit_dollars(request: OrderRequest) -> Decimal:
    return request.shares * request.limit_price if request.notional is None else request.notional


def _dollars_needed(request: OrderRequest, takings: Sequence[Taking]) -> Decimal:
    return _limit_dollars(request) + sum((taking.fee for taking in takings), ZERO)


def _rest(request: OrderRequest, takings: Sequence[Taking]) -> Decimal:
    if request.order_type in MARKET_TYPES:
        return ZERO
    return request.shares - sum((taking.shares for taking in takings), ZERO)


def _whole(request: OrderRequest, takings: Sequence[Taking]) -> bool:
    if request.notional is not None:
        return request.notional - sum((taking.dollars for taking in takings), ZERO) < from_micros(RESIDUE)
    return sum((taking.shares for taking in takings), ZERO) == request.shares
