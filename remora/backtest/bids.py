"""Best bids of all markets in one column, in the order in which rows came."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import Floats, Integers

THOUSAND = 1000

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bids:
    """What each row says, in order of time: when, of which market, and the best bids that it leaves behind.

    `both` are the bids of outcome 0 and of outcome 1 in thousandths of a dollar, two short numbers seen as one
    long one: they are moved together. `markets` is one more than the highest code.
    """

    at: Floats
    market: Integers
    both: Whole
    markets: int

    @classmethod
    def of(cls, at: Floats, market: Integers, order: Whole, touch: tuple[Integers, Integers, Integers]) -> "Bids":
        """Return it for rows that `order` sorts by market; `touch` is their bid, ask and ticks to the dollar."""
        bid, ask, unit = touch
        step = np.int32(THOUSAND) // unit
        pairs, both = np.empty((at.size, 2), dtype=np.int32), np.empty(at.size, dtype=np.int64)
        np.multiply(bid, step, out=pairs[:, 0])
        np.multiply(unit - ask, step, out=pairs[:, 1])
        both[order] = pairs.view(np.int64).reshape(-1)
        return cls(at, market, both, int(market.max(initial=-1)) + 1)
