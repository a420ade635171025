"""An account in numbers: what a person watches, and how much of each limit is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from remora.domain.limits import Limits
from remora.domain.money import ONE, ZERO
from remora.domain.reasons import DeskMode, ExitReason, PositionState

OTHER: Final = "other"
"""Name under which the wallets beyond the bound are summed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleMeasure:
    """What copying one whale came to: dollars gained (fees taken off) and dollars committed now."""

    whale: str
    realised: Decimal
    unrealised: Decimal
    committed: Decimal
    open_positions: int

    @property
    def pnl(self) -> Decimal:
        """Realised and unrealised."""
        return self.realised + self.unrealised


@dataclass(frozen=True, slots=True, kw_only=True)
class Largest:
    """The most dollars committed at once, at cost and with reservations, to one of each kind."""

    position: Decimal = ZERO
    market: Decimal = ZERO
    event: Decimal = ZERO
    whale: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """An account as of one instant; dollars, counts, and times in UTC.

    `orders` counts orders sent by (purpose, outcome), `decisions` those of the last day by (outcome, reason).
    """

    account: str
    mode: DeskMode
    scale: Decimal
    cash: Decimal
    reserved: Decimal
    held: Decimal
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    day_start_equity: Decimal
    high_water_mark: Decimal
    largest: Largest
    entries_last_minute: int
    states: Mapping[PositionState, int]
    exits: Mapping[ExitReason, int]
    orders: Mapping[tuple[str, str], int]
    decisions: Mapping[tuple[str, str], int]
    whales: Sequence[WhaleMeasure] = field(default=())
    followed: int = 0
    roster_published_at: datetime | None = None
    last_decision_at: datetime | None = None

    @property
    def equity(self) -> Decimal:
        """Cash and what is held, at executable prices."""
        return self.cash + self.held

    @property
    def day_pnl(self) -> Decimal:
        """Equity less what the day began with."""
        return self.equity - self.day_start_equity

    @property
    def high_water(self) -> Decimal:
        """The highest equity so far, this instant included."""
        return max(self.high_water_mark, self.equity)

    @property
    def drawdown(self) -> Decimal:
        """How far equity lies below the high-water mark, as a share of the mark, in [0, 1]."""
        return ZERO if self.high_water <= 0 else ONE - max(ZERO, self.equity) / self.high_water


def limit_use(measures: Measures, limits: Limits) -> dict[str, Decimal]:
    """Return the used part of each limit by its name; 1 is reached, above 1 exceeded."""
    equity, largest = measures.equity, measures.largest
    day_loss = max(ZERO, -measures.day_pnl)
    loss_allowed = min(limits.daily_loss_share * measures.day_start_equity, limits.max_daily_loss_usd)
    position_allowed = min(limits.position_share_ceiling * equity, limits.max_position_size_usd)
    return {
        "cash": _part(measures.held + measures.reserved, equity),
        "daily_loss": _part(day_loss, loss_allowed),
        "drawdown": _part(measures.drawdown, limits.drawdown_share),
        "entry_rate": _part(Decimal(measures.entries_last_minute), Decimal(limits.entry_orders_per_minute)),
        "event": _part(largest.event, limits.event_share * equity),
        "market": _part(largest.market, limits.market_share * equity),
        "position": _part(largest.position, position_allowed),
        "whale": _part(largest.whale, limits.whale_share * equity),
    }


def bounded(whales: Sequence[WhaleMeasure], most: int) -> list[WhaleMeasure]:
    """Return at most `most` whales, those with something open and the largest results first, and their rest."""
    ranked = sorted(whales, key=lambda w: (w.open_positions == 0, -abs(w.pnl), -w.committed, w.whale))
    kept, rest = ranked[:most], ranked[most:]
    if not rest:
        return kept
    other = WhaleMeasure(
        whale=OTHER,
        realised=sum((w.realised for w in rest), ZERO),
        unrealised=sum((w.unrealised for w in rest), ZERO),
        committed=sum((w.committed for w in rest), ZERO),
        open_positions=sum(w.open_positions for w in rest),
    )
    return [*kept, other]


def _part(used: Decimal, allowed: Decimal) -> Decimal:
    if allowed > 0:
        return used / allowed
    return ZERO if used <= 0 else ONE
