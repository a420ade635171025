"""When recorded markets were due to end, when they resolved, and on which tick they traded."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from remora.domain.ids import ConditionId
from remora.domain.money import ONE, Side
from remora.venues.twin.scenario.model import (
    ResolutionProposed,
    Resolved,
    ScenarioEvent,
    TickChanged,
    TradingClosed,
)
from remora.venues.twin.scenario.tape import TapeRow

COARSE_TICK = Decimal("0.01")
FINE_TICK = Decimal("0.001")
FINE_BELOW = Decimal("0.04")
"""A market whose price leaves [0.04, 0.96] moves to the fine tick, and stays there."""

RESOLVED_AFTER_LAST_TRADE = timedelta(minutes=1)
PROPOSED_BEFORE_RESOLUTION = timedelta(hours=4)
"""Two hours of challenge time are the least; the call itself comes somewhat earlier than the last stragglers."""

MIDTERMS_END = datetime(2022, 11, 15, tzinfo=UTC)
"""What the venue itself listed as endDate of its 2022 midterm markets."""

_MIDTERMS = re.compile(r"senate|governor|house", re.IGNORECASE)
_MIDTERMS_DAY = datetime(2022, 11, 8, tzinfo=UTC)
_UPDOWN = re.compile(r"-updown-(\d+)m-(\d{10})$")


def scheduled_end(rows: Sequence[TapeRow]) -> datetime:
    """Return a market's endDate: recorded, known of its family, or midnight after its last trade."""
    first, last = rows[0], rows[-1]
    if first.end_at is not None:
        return first.end_at
    updown = _UPDOWN.search(first.slug or first.market)
    if updown:
        return datetime.fromtimestamp(int(updown[2]), UTC) + timedelta(minutes=int(updown[1]))
    if (
        last.at >= _MIDTERMS_DAY >= first.at
        and last.at.year == _MIDTERMS_DAY.year
        and _MIDTERMS.search(first.slug or "")
    ):
        return MIDTERMS_END
    return last.at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def ending(condition: ConditionId, rows: Sequence[TapeRow]) -> list[ScenarioEvent]:
    """Return proposal, close and resolution of a market whose winner is recorded, else nothing.

    Nobody proposes the result of an up-or-down market: a price feed settles it.
    """
    winner = next((row.winner_index for row in rows if row.winner_index is not None), None)
    if winner is None:
        return []
    resolved_at = rows[-1].at + RESOLVED_AFTER_LAST_TRADE
    proposed_at = max(resolved_at - PROPOSED_BEFORE_RESOLUTION, rows[0].at)
    payouts = (ONE, ONE - ONE) if winner == 0 else (ONE - ONE, ONE)
    end: list[ScenarioEvent] = [
        TradingClosed(resolved_at, condition),
        Resolved(resolved_at, condition, payouts),
    ]
    fed = _UPDOWN.search(rows[0].slug or rows[0].market) is not None
    return end if fed else [ResolutionProposed(proposed_at, condition), *end]


def tick_change(condition: ConditionId, rows: Sequence[TapeRow]) -> list[ScenarioEvent]:
    """Return the move to the fine tick at the first print outside [0.04, 0.96], if there is one."""
    for row in rows:
        if is_extreme(row.price):
            return [TickChanged(row.at, condition, FINE_TICK)]
    return []


def is_extreme(price: Decimal) -> bool:
    """Whether a price lies so close to 0 or 1 that the coarse tick is too coarse."""
    return not FINE_BELOW <= price <= ONE - FINE_BELOW


def price_of_first(outcome_index: int, price: Decimal) -> Decimal:
    """Return the price of outcome 0 that a price of either outcome implies."""
    return price if outcome_index == 0 else ONE - price


def side_on_first(outcome_index: int, side: Side) -> Side:
    """Return the side of outcome 0's book that a fill of either outcome consumed or met."""
    return side if outcome_index == 0 else side.opposite
