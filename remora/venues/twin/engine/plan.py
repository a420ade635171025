"""What an order would do to the book: exact amounts, nothing moved yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remora.domain.fees import taker_fee
from remora.domain.matching import RESIDUE, affordable
from remora.domain.money import Side, from_micros, micros
from remora.venues.twin.engine.records import UNIT, Listing, RestingOrder

PIECE_MIN = 10_000
"""Smallest piece of a level in millionths of a share: whole millionths of a dollar at every tick."""


@dataclass(frozen=True, slots=True)
class Step:
    """One resting order's part: `price` and `taker_dollars` are the taker's, `maker_dollars` the maker's.

    Steps of one price and one `batch` settle as one trade.
    """

    maker: RestingOrder
    shares: int
    price: int
    maker_dollars: int
    taker_dollars: int
    batch: int = 0


def meet(order: RestingOrder, facing: Iterable[RestingOrder]) -> list[Step]:
    """Return how `order` would fill against `facing` (best first, all at its limit or better).

    A maker gets its own price to the millionth: the rounding of a long row of fills never costs it more, nor
    pays it less, than one fill of the same size would. The taker gets what remains.
    """
    shares_left, dollars_left = order.remaining, order.dollars_left
    piece = (
        order.remaining
        if order.parts <= 1
        else max(PIECE_MIN, order.remaining // order.parts // PIECE_MIN * PIECE_MIN)
    )
    steps: list[Step] = []
    for maker in facing:
        price = maker.book_price if order.outcome == 0 else UNIT - maker.book_price
        same = maker.token_id == order.token_id
        used = 0
        while used < maker.remaining:
            wanted = _wanted(shares_left, dollars_left, price)
            shares = min(maker.remaining - used, wanted if order.parts <= 1 else min(wanted, piece))
            if shares <= 0:
                return steps
            maker_dollars = _maker_dollars(maker, maker.made + used, shares)
            taker_dollars = maker_dollars if same else shares - maker_dollars
            batch = 0 if order.parts <= 1 else len(steps)
            steps.append(Step(maker, shares, price, maker_dollars, taker_dollars, batch))
            used += shares
            shares_left -= shares
            if dollars_left is not None:
                dollars_left -= taker_dollars
    return steps


def levels(steps: Sequence[Step]) -> list[list[Step]]:
    """Return the steps in groups of one price and batch: each group settles as one trade."""
    groups: list[list[Step]] = []
    for step in steps:
        if not groups or (groups[-1][0].price, groups[-1][0].batch) != (step.price, step.batch):
            groups.append([])
        groups[-1].append(step)
    return groups


def fee(steps: Sequence[Step], listing: Listing) -> int:
    """Return the taker's fee in millionths of a dollar for shares taken at one price."""
    spec = listing.spec
    shares, price = sum(step.shares for step in steps), steps[0].price
    return micros(taker_fee(from_micros(shares), from_micros(price), spec.fee_rate, spec.fee_exponent))


def dollars_needed(order: RestingOrder, steps: Sequence[Step], listing: Listing) -> int:
    """Return what a purchase must have free: its limit in dollars and the fee on what it takes at once."""
    spent = sum(step.taker_dollars for step in steps)
    if order.dollars_left is not None:
        limit = order.dollars_left
    else:
        limit = max(_up(order.remaining, order.price), spent + _up(rest_of(order, steps), order.price))
    return limit + sum(fee(group, listing) for group in levels(steps))


def rest_of(order: RestingOrder, steps: Sequence[Step]) -> int:
    """Return the shares that a share-sized order still wants after `steps`."""
    return order.remaining - sum(step.shares for step in steps)


def fills_whole(order: RestingOrder, steps: Sequence[Step]) -> bool:
    """Whether `steps` leave nothing of the order but a residue of rounding."""
    if order.dollars_left is not None:
        return order.dollars_left - sum(step.taker_dollars for step in steps) < RESIDUE
    return rest_of(order, steps) == 0


def _wanted(shares_left: int, dollars_left: int | None, price: int) -> int:
    return shares_left if dollars_left is None else affordable(dollars_left, price)


def _maker_dollars(maker: RestingOrder, made: int, shares: int) -> int:
    if maker.side is Side.BUY:
        return _up(made + shares, maker.price) - _up(made, maker.price)
    return (made + shares) * maker.price // UNIT - made * maker.price // UNIT


def _up(shares: int, price: int) -> int:
    return -(-shares * price // UNIT)
