"""Best bids of all markets in one column, in the order in which rows came."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from remora.backtest.history import Floats, Integers

THOUSAND = 1000

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bids:
    """`at`, `market` and `row` are in order of time; `row` is where each is once rows are sorted by market.

    `price` is in that other order, of outcome 0 and then of outcome 1, in thousandths of a dollar. `markets` is
    one more than the highest code.
    """

    at: Floats
    market: Integers
    row: Integers
    price: Integers
    markets: int

    @classmethod
    def of(cls, at: Floats, market: Integers, order: Whole, touch: tuple[Integers, Integers, Integers]) -> "Bids":
        """Return it for rows that `order` puts together by market; `touch` is bid, ask, ticks to the dollar."""
        bid, ask, unit = touch
        count, step = at.size, np.int32(THOUSAND) // unit
        row, price = np.empty(count, dtype=np.int32), np.empty((2, count), dtype=np.int32)
        row[order] = np.arange(count, dtype=np.int32)
        np.multiply(bid, step, out=price[0])
        np.multiply(unit - ask, step, out=price[1])
        return cls(at, market, row, price.reshape(-1), int(market.max(initial=-1)) + 1)
