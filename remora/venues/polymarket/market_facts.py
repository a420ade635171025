"""Markets in our words, from Gamma's."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from polymarket.models.gamma.market import Market as GammaMarket
from polymarket.models.gamma.market import UmaResolutionStatus

from remora.domain.ids import ConditionId, EventId, TokenId
from remora.domain.market import Market, MarketClass, Outcome, ResolutionStatus
from remora.domain.money import ONE, ZERO

DEFAULT_MINIMUM = Decimal(5)
DEFAULT_TICK = Decimal("0.01")
SHORT_LIFE = timedelta(hours=4)
SHORT_SLUG = re.compile(r"(^|-)up-?or-?down(-|$)|updown|-\d+m-\d{9,}$")
CRYPTO_DELAY = timedelta(milliseconds=150)
"""What takers wait on short crypto markets since 2026-09-04; Gamma does not tell it."""

RESOLVING = {
    UmaResolutionStatus.PROPOSED: ResolutionStatus.PROPOSED,
    UmaResolutionStatus.DISPUTED: ResolutionStatus.DISPUTED,
}


def market_facts(found: GammaMarket) -> Market | None:
    """Return a market's facts, None when it lacks what trading needs (a condition, both tokens)."""
    yes, no = found.outcomes.yes, found.outcomes.no
    tokens = (yes.token_id or yes.position_id, no.token_id or no.position_id)
    if found.condition_id is None or tokens[0] is None or tokens[1] is None:
        return None
    state, trading = found.state, found.trading
    event = found.events[0] if found.events else None
    schedule = trading.fee_schedule
    closed = bool(state.closed)
    payouts = _payouts(found) if closed else None
    kind = market_class(found)
    delay = timedelta(seconds=float(trading.seconds_delay or 0))
    return Market(
        condition_id=ConditionId(found.condition_id),
        question=found.question or "",
        slug=found.slug or "",
        event_id=EventId(str(event.id) if event is not None else found.condition_id),
        event_slug=(event.slug or "") if event is not None else "",
        category=category(found),
        market_class=kind,
        outcomes=(
            Outcome(TokenId(str(tokens[0])), yes.label),
            Outcome(TokenId(str(tokens[1])), no.label),
        ),
        tick_size=trading.minimum_tick_size or DEFAULT_TICK,
        min_order_size=trading.minimum_order_size or DEFAULT_MINIMUM,
        neg_risk=bool(state.neg_risk),
        fee_rate=ZERO if schedule is None else schedule.rate,
        fee_exponent=1 if schedule is None else int(schedule.exponent),
        volume_24h_usd=found.metrics.volume_24hr or ZERO,
        end_at=_utc(state.end_date),
        accepting_orders=bool(state.accepting_orders),
        closed=closed,
        resolution=_resolution(found, payouts),
        payouts=payouts,
        taker_delay=max(delay, CRYPTO_DELAY) if kind is MarketClass.SHORT_CRYPTO else delay,
    )


def category(found: GammaMarket) -> str:
    """Return the market's category in lower case, from itself or its first tag; empty when it has none."""
    if found.category:
        return found.category.lower()
    return next((tag.slug or "" for tag in found.tags), "").lower()


def market_class(found: GammaMarket) -> MarketClass:
    """Classify by slug and length of life: short up-or-down markets, ordinary ones, everything else.

    A market without category, tag or event cannot be told from a short one and stays unclassified.
    """
    start, end = _utc(found.state.start_date), _utc(found.state.end_date)
    short = start is not None and end is not None and end - start <= SHORT_LIFE
    if short or SHORT_SLUG.search(found.slug or ""):
        return MarketClass.SHORT_CRYPTO
    if not category(found) and not found.events:
        return MarketClass.UNCLASSIFIED
    return MarketClass.STANDARD


def _payouts(found: GammaMarket) -> tuple[Decimal, Decimal] | None:
    yes, no = found.outcomes.yes.price, found.outcomes.no.price
    if yes is None or no is None or yes + no != ONE or yes not in (ZERO, Decimal("0.5"), ONE):
        return None
    return yes, no


def _resolution(found: GammaMarket, payouts: tuple[Decimal, Decimal] | None) -> ResolutionStatus:
    if payouts is not None:
        return ResolutionStatus.RESOLVED
    status = found.resolution.uma_resolution_status
    return ResolutionStatus.OPEN if status is None else RESOLVING.get(status, ResolutionStatus.OPEN)


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)
