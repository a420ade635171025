"""What our orders took already, of prints and of resting orders: nothing is given to two of them."""

from dataclasses import dataclass, field
from decimal import Decimal

from remora.domain.money import ZERO

Place = tuple[int, float, int]
"""A row of a recording: market, when, and which of the rows of that instant."""

Key = tuple[Place, tuple[bool, Decimal] | None]
"""A print, or one price of the book that a row left behind: asks of outcome 0 or not, and its price."""


@dataclass(slots=True)
class Taken:
    """Shares by print and by price level, whichever order of the account took them."""

    _shares: dict[Key, Decimal] = field(default_factory=dict)

    def left(self, offered: Decimal, key: Key) -> Decimal:
        """Return what is left of `offered` shares; 0 or less if nothing is."""
        return offered - self._shares.get(key, ZERO)

    def add(self, shares: Decimal, key: Key) -> None:
        """Count shares as ours."""
        self._shares[key] = self._shares.get(key, ZERO) + shares

    def forget(self, before: float) -> None:
        """Drop what lies so far back that no order can meet it any more."""
        if self._shares:
            self._shares = {key: shares for key, shares in self._shares.items() if key[0][1] >= before}
