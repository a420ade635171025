"""The one decision core: whether and how much of a whale's purchase is copied."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import chain

from remora.domain.books import OrderBook
from remora.domain.chance import (
    PROBABILITY_MAX,
    UNJUDGED,
    Chance,
    ChanceSource,
    Learned,
    Purchase,
    fixed,
    from_edge,
    from_model,
)
from remora.domain.desk import daily_loss_breach
from remora.domain.limits import Limits
from remora.domain.market import Market, ResolutionStatus
from remora.domain.money import LEAST, MICRO, MOST, ONE, ZERO, Side, ceil_to, floor_to
from remora.domain.permission import Permission, first_day_room, refuse_entry
from remora.domain.precision import CENT, SHARE_QUANTUM, crossed_or_empty, entry_limit, purchase_dollars
from remora.domain.reasons import DeskMode, SkipReason
from remora.domain.sizing import all_in_cost, stake_share
from remora.domain.trades import Signal
from remora.domain.usable import (
    Bounded,
    book_numbers,
    first_unusable,
    market_numbers,
    usable_book,
    usable_market,
)


class RosterStatus(StrEnum):
    """Standing of a wallet on the roster."""

    ACTIVE = "active"
    PROBATION = "probation"
    DEMOTED = "demoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleStanding:
    """What the newest roster says about a wallet; `edge` is dollars per share at a copier's price.

    `learned` is the same for all wallets of a roster: the model that names the chance of a purchase, or why none.
    """

    on_roster: bool
    unproven: bool
    edge: Decimal
    status: RosterStatus
    published_at: datetime | None
    learned: Learned = UNJUDGED


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSnapshot:
    """The desk row inside the lock; `cash` is spendable dollars less reservations.

    A `live` desk opens nothing without a `permission`; elsewhere there is none.
    """

    mode: DeskMode
    scale: Decimal
    equity: Decimal
    cash: Decimal
    day_start_equity: Decimal
    high_water_mark: Decimal
    entry_orders_last_minute: int
    live: bool = False
    permission: Permission | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Dollars at cost, reservations included, already committed."""

    position: Decimal = ZERO
    market: Decimal = ZERO
    event: Decimal = ZERO
    whale: Decimal = ZERO
    opposite_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Approval: spend `notional` dollars at `limit_price` or better.

    `shares` is what `notional` buys at the limit: the least we get for the whole sum. `reserve` covers the worst
    cost with the fee. `expected_price` is the depth-weighted ask. `probability` is the chance that sized it, from
    `probability_source`; `edge` the gain per share that it promises; `learned_model` says why the learned model
    was used or not.
    """

    shares: Decimal
    limit_price: Decimal
    notional: Decimal
    reserve: Decimal
    expected_price: Decimal
    edge: Decimal
    share_of_equity: Decimal
    unproven: bool
    bound_by: str
    probability: Decimal
    probability_source: ChanceSource
    learned_model: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Refusal with a stable reason code and the numbers behind it."""

    reason: SkipReason
    detail: str = ""


Decision = Copy | Skip

UNLIMITED = ("kelly", "unproven_share")
"""What a stake is bound by that no limit cuts: of a proven whale, of an unproven one."""


_Room = tuple[SkipReason, Decimal]
"""A limit, and the dollars that it leaves."""


def decide(
    signal: Signal,
    *,
    market: Market,
    book: OrderBook | None,
    whale: WhaleStanding,
    desk: DeskSnapshot,
    exposure: Exposure,
    limits: Limits,
    now_wall: datetime,
    now_venue: datetime,
) -> Decision:
    """Return how to copy one purchase, or why not. Never raises on odd values; refuses them.

    The duplicate and orphan checks need the database and come before this.
    """
    refusal = (
        _check_numbers(market, book, whale, desk, exposure)
        or _check_whale(whale, desk, limits, now_wall)
        or _check_permission(desk, now_wall)
        or _check_signal(signal, limits, now_wall, now_venue)
        or _check_desk(desk, exposure, limits)
        or _check_market(market, limits, now_venue)
    )
    if refusal is not None:
        return refusal
    if book is None or crossed_or_empty(book):
        return Skip(SkipReason.NO_BOOK, "no bids or no asks")
    first_day = (
        None if desk.permission is None else first_day_room(desk.permission, limits.first_day_max_usd, now_wall)
    )
    return _check_book(book, limits) or _size(signal, market, book, whale, desk, exposure, limits, first_day)


def _check_numbers(
    market: Market, book: OrderBook | None, whale: WhaleStanding, desk: DeskSnapshot, exposure: Exposure
) -> Skip | None:
    try:
        if (
            usable_market(market)
            and (book is None or usable_book(book))
            and LEAST <= desk.equity <= MOST
            and LEAST <= desk.cash <= MOST
            and LEAST <= desk.day_start_equity <= MOST
            and LEAST <= desk.high_water_mark <= MOST
            and LEAST <= exposure.position <= MOST
            and LEAST <= exposure.market <= MOST
            and LEAST <= exposure.event <= MOST
            and LEAST <= exposure.whale <= MOST
            and -ONE <= whale.edge <= ONE
            and ZERO <= desk.scale <= ONE
        ):
            return None
    except InvalidOperation:
        pass  # something is no number, and cannot be compared: it is named below
    return _name_problem(market, book, whale, desk, exposure)


def _name_problem(
    market: Market, book: OrderBook | None, whale: WhaleStanding, desk: DeskSnapshot, exposure: Exposure
) -> Skip | None:
    """Return the refusal that names the first number out of range; decisions are too many to name them all."""
    dollars = {name: getattr(desk, name) for name in ("equity", "cash", "day_start_equity", "high_water_mark")}
    dollars |= {f"{name} exposure": getattr(exposure, name) for name in ("position", "market", "event", "whale")}
    problem = first_unusable(
        chain(
            market_numbers(market),
            () if book is None else book_numbers(book),
            (Bounded("edge", whale.edge, -ONE, ONE), Bounded("scale", desk.scale, ZERO, ONE)),
            (Bounded(name, value, LEAST, MOST) for name, value in dollars.items()),
        )
    )
    return None if problem is None else Skip(SkipReason.MALFORMED, problem)


def _check_whale(whale: WhaleStanding, desk: DeskSnapshot, limits: Limits, now: datetime) -> Skip | None:
    if not whale.on_roster:
        return Skip(SkipReason.NOT_ON_ROSTER)
    if whale.published_at is None or now - whale.published_at > limits.roster_age_max:
        return Skip(
            SkipReason.ROSTER_STALE, f"published {whale.published_at}, allowed age {limits.roster_age_max}"
        )
    if whale.status is RosterStatus.DEMOTED:
        return Skip(SkipReason.DEMOTED)
    if whale.status is RosterStatus.PROBATION and desk.live:
        return Skip(SkipReason.PROBATION, "still on paper")
    return None


def _check_permission(desk: DeskSnapshot, now: datetime) -> Skip | None:
    if not desk.live:
        return None
    if desk.permission is None:
        return Skip(SkipReason.NOT_CONFIRMED)
    refusal = refuse_entry(desk.permission, now)
    return None if refusal is None else Skip(*refusal)


def _check_signal(signal: Signal, limits: Limits, now_wall: datetime, now_venue: datetime) -> Skip | None:
    age = now_wall - signal.seen_at
    if age > limits.signal_age_max:
        return Skip(SkipReason.STALE, f"{age.total_seconds():.1f} s old")
    if signal.happened_at - now_venue > limits.signal_skew_max:
        return Skip(SkipReason.FUTURE_DATED, signal.happened_at.isoformat())
    if -age > limits.signal_skew_max:
        # the watcher's clock is ahead of ours: nobody knows how old the trade is
        return Skip(SkipReason.FUTURE_DATED, f"seen {-age.total_seconds():.1f} s from now")
    if not (signal.price.is_finite() and 0 < signal.price < 1):
        return Skip(SkipReason.PRICE_OUT_OF_RANGE, f"price {signal.price}")
    if not (signal.size.is_finite() and 0 < signal.size <= limits.trade_size_max * max(1, len(signal.trade_keys))):
        return Skip(SkipReason.SIZE_OUT_OF_RANGE, f"size {signal.size}")
    return None


def _check_desk(desk: DeskSnapshot, exposure: Exposure, limits: Limits) -> Skip | None:
    if desk.mode is DeskMode.PAUSED:
        return Skip(SkipReason.DESK_PAUSED)
    if desk.mode is DeskMode.HALTED:
        return Skip(SkipReason.DESK_HALTED)
    breach = daily_loss_breach(desk, limits)
    if breach is not None:
        return Skip(SkipReason.DAILY_LOSS, breach)
    if exposure.opposite_held:
        return Skip(SkipReason.OPPOSITE_HELD)
    if desk.entry_orders_last_minute >= limits.entry_orders_per_minute:
        return Skip(SkipReason.ORDER_RATE, f"{desk.entry_orders_last_minute} entry orders in the last minute")
    return None


def _check_market(market: Market, limits: Limits, now_venue: datetime) -> Skip | None:
    if market.closed or not market.accepting_orders:
        return Skip(SkipReason.MARKET_CLOSED, "the market accepts no orders")
    if market.market_class not in limits.market_classes:
        return Skip(SkipReason.MARKET_CLASS, market.market_class.value)
    if market.volume_24h_usd < limits.volume_24h_min_usd:
        return Skip(
            SkipReason.VOLUME,
            f"24 h volume {market.volume_24h_usd:.0f} below {limits.volume_24h_min_usd:.0f}",
        )
    if market.resolution is not ResolutionStatus.OPEN:
        return Skip(SkipReason.TIME_TO_RESOLUTION, f"resolution {market.resolution.value}")
    if market.end_at is None:
        return Skip(SkipReason.TIME_TO_RESOLUTION, "no end date")
    if market.end_at - now_venue < limits.time_to_resolution_min:
        return Skip(SkipReason.TIME_TO_RESOLUTION, f"ends {market.end_at.isoformat()}")
    return None


def _check_book(book: OrderBook, limits: Limits) -> Skip | None:
    assert book.spread is not None
    assert book.mid is not None
    relative = book.spread / book.mid
    if relative > limits.spread_max:
        return Skip(SkipReason.SPREAD, f"spread {relative:.4f} of the mid above {limits.spread_max}")
    return None


def _size(
    signal: Signal,
    market: Market,
    book: OrderBook,
    whale: WhaleStanding,
    desk: DeskSnapshot,
    exposure: Exposure,
    limits: Limits,
    first_day: Decimal | None,
) -> Decision:
    limit_price = entry_limit(signal.price, market.tick_size, limits)
    assert book.best_ask is not None
    if book.best_ask > limit_price:
        return Skip(SkipReason.DRIFT, f"ask {book.best_ask}, the whale paid {signal.price}, limit {limit_price}")
    cost = all_in_cost(book.best_ask, market.fee_rate, market.fee_exponent)
    chance = chance_of(signal, market, whale, cost)
    if cost >= PROBABILITY_MAX or (not whale.unproven and chance.probability <= cost):
        told = (
            f"edge {whale.edge}" if chance.source is ChanceSource.SHRUNK_EDGE else f"chance {chance.probability}"
        )
        return Skip(SkipReason.NO_EDGE, f"{told}, {chance.source}, all-in cost {cost:.4f}")
    share = limits.unproven_share if whale.unproven else stake_share(chance, cost, limits.kelly_fraction)
    wanted = share * max(ZERO, desk.equity) * desk.scale
    stake, bound_by = wanted, UNLIMITED[whale.unproven]
    rooms = _rooms(market, desk, exposure, limits)
    if first_day is not None:
        rooms = ((SkipReason.FIRST_DAY, first_day), *rooms)
    for reason, dollars in rooms:
        if dollars <= 0:
            return Skip(reason, "nothing left under this limit")
        if dollars < stake:
            stake, bound_by = dollars, reason.value
    available = book.depth(Side.BUY, ceil_to(stake / book.best_ask, SHARE_QUANTUM), limit_price)
    if available.notional < stake:
        stake, bound_by = available.notional, SkipReason.DEPTH.value
    return _order(stake, wanted, bound_by, limit_price, market, book, chance, desk, limits)


def chance_of(signal: Signal, market: Market, whale: WhaleStanding, cost: Decimal) -> Chance:
    """Return the chance that a purchase pays, from the source that the roster allows; `cost` is all-in."""
    if whale.unproven:
        return fixed(cost, whale.edge, whale.learned)
    if whale.learned.model is None:
        return from_edge(cost, whale.edge, whale.learned)
    assert market.end_at is not None
    purchase = Purchase(
        whale=signal.whale,
        category=market.category,
        price=float(signal.price),
        usd=float(signal.price * signal.size),
        to_end_s=(market.end_at - signal.happened_at).total_seconds(),
    )
    return from_model(whale.learned.model, purchase, cost, whale.learned.why)


def _rooms(market: Market, desk: DeskSnapshot, exposure: Exposure, limits: Limits) -> tuple[_Room, ...]:
    equity = max(ZERO, desk.equity)
    share = min(limits.position_share, limits.position_share_ceiling)
    position = min(share * equity, limits.max_position_size_usd) * desk.scale
    return (
        (SkipReason.WHALE_SHARE, limits.whale_share * equity - exposure.whale),
        (SkipReason.POSITION_LIMIT, position - exposure.position),
        (SkipReason.MARKET_LIMIT, limits.market_share * equity - exposure.market),
        (SkipReason.EVENT_LIMIT, limits.event_share * equity - exposure.event),
        (SkipReason.CASH, floor_to(desk.cash / (ONE + market.fee_rate), CENT)),
    )


def _order(
    stake: Decimal,
    wanted: Decimal,
    bound_by: str,
    limit_price: Decimal,
    market: Market,
    book: OrderBook,
    chance: Chance,
    desk: DeskSnapshot,
    limits: Limits,
) -> Decision:
    notional = purchase_dollars(stake, limit_price, market.tick_size) or ZERO
    shares = floor_to(notional / limit_price, SHARE_QUANTUM)
    if notional < limits.marketable_buy_min_usd or shares < market.min_order_size:
        found = f"{notional} dollars buy {shares} shares up to {limit_price}, minimum {market.min_order_size}"
        # a limit that leaves next to nothing is the reason, not the minimum that its rest falls below
        enough = max(limits.marketable_buy_min_usd, market.min_order_size * limit_price)
        if bound_by not in UNLIMITED and wanted >= enough:
            return Skip(SkipReason(bound_by), f"what this leaves is too little: {found}")
        return Skip(SkipReason.BELOW_MINIMUM, f"{found}; bound by {bound_by}")
    expected = book.depth(Side.BUY, shares, limit_price).average
    assert expected is not None
    return Copy(
        shares=shares,
        limit_price=limit_price,
        notional=notional,
        reserve=ceil_to(notional * (ONE + market.fee_rate), MICRO),
        expected_price=floor_to(expected, MICRO),
        edge=chance.edge,
        share_of_equity=floor_to(notional / desk.equity, MICRO),
        unproven=chance.source is ChanceSource.FIXED_STAKE,
        bound_by=bound_by,
        probability=chance.probability,
        probability_source=chance.source,
        learned_model=chance.learned,
    )
