"""Several sources tell of the same trades, each in its own rows: make one trade of them."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from remora.domain.money import ZERO, Side
from remora.domain.trades import TradeSource, WhaleTrade

TOLERANCE_SHARES = Decimal("0.01")
TOLERANCE_SHARE = Decimal("0.001")
"""Sources round: less than either of these is no further part."""


class Fate(StrEnum):
    """What a delivered row is."""

    NEW = "new"
    MORE = "more"
    DUPLICATE = "duplicate"
    LATE = "late_part"


@dataclass(slots=True)
class _Known:
    taken: Decimal = ZERO
    parts: int = 0
    rows: set[tuple[TradeSource, str]] = field(default_factory=set)
    totals: dict[TradeSource, Decimal] = field(default_factory=dict)


class Confluence:
    """Remembers the newest `most` trades: how much of each was taken, and how much each source has told of.

    The first source to tell of a trade has it taken. Whatever a source adds up to beyond what was taken is a
    further part: taken while the trade is still being collected, and afterwards only if it is a sale. A late
    part of a purchase is left out, because copying once too little is the safe error.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, _Known] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def offer(self, trade: WhaleTrade, *, collecting: bool) -> tuple[Fate, WhaleTrade]:
        """Return what a row is and, where it counts, the trade to take: of a further part only the excess.

        `collecting` says that rows of this trade are still being added up.
        """
        known = self._known.get(trade.key)
        new = known is None
        if known is None:
            known = self._known[trade.key] = _Known()
            if len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        row = (trade.source, trade.row)
        if row in known.rows:
            return Fate.DUPLICATE, trade
        known.rows.add(row)
        if new or not trade.size.is_finite():
            known.taken += trade.size if trade.size.is_finite() else ZERO
            known.totals[trade.source] = known.taken
            return (Fate.NEW if new else Fate.DUPLICATE), trade
        return self._further(known, trade, collecting=collecting)

    def forget(self, trade: WhaleTrade) -> None:
        """Undo an offer that came to nothing, so that the same row counts when it is delivered again."""
        known = self._known.get(trade.key)
        if known is None:
            return
        known.rows.discard((trade.source, trade.row))
        if not known.rows:
            del self._known[trade.key]

    def _further(self, known: _Known, trade: WhaleTrade, *, collecting: bool) -> tuple[Fate, WhaleTrade]:
        total = known.totals.get(trade.source, ZERO) + trade.size
        known.totals[trade.source] = total
        excess = total - known.taken
        if excess <= max(TOLERANCE_SHARES, known.taken * TOLERANCE_SHARE):
            return Fate.DUPLICATE, trade
        if collecting:
            known.taken = total
            return Fate.MORE, replace(trade, size=excess)
        if trade.side is Side.BUY:
            return Fate.LATE, trade
        known.taken, known.parts = total, known.parts + 1
        return Fate.MORE, replace(trade, key=f"{trade.key}:{known.parts}", size=excess)
