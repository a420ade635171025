"""Resting orders that were recorded beside a tape: what a copier could really have bought at an instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from remora.backtest.history import QUOTE, Floats, Prints
from remora.domain.books import Level
from remora.domain.money import HIGHEST, MICRO, ONE

DEPTH = 5
NAMES = ("ts_ms", "condition_id", "market_slug")
SIDES = ("bid_px", "bid_sz", "ask_px", "ask_sz")
COLUMNS = (*NAMES, *(f"{side}_up_{level}" for side in SIDES for level in range(1, DEPTH + 1)))
"""Snapshots of five levels of the first outcome; the other outcome's are their mirror."""

FRESH_S = 10.0
"""Seconds for which a snapshot says what an order meets, whatever was printed since."""

Levels = tuple[Level, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """One market's snapshots in order of time; each side has one row per snapshot, best price first."""

    at: Floats
    bid_price: Floats
    bid_size: Floats
    ask_price: Floats
    ask_size: Floats

    def __len__(self) -> int:
        return self.at.size

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Snapshots":
        """Return the snapshots that `chosen` picks."""
        columns = (self.at, self.bid_price, self.bid_size, self.ask_price, self.ask_size)
        return Snapshots(*(column[chosen] for column in columns))

    def sides(self, number: int, outcome: int) -> tuple[Levels, Levels]:
        """Return bids and asks of an outcome in one snapshot, best first."""
        bids = _levels(self.bid_price[number], self.bid_size[number])
        asks = _levels(self.ask_price[number], self.ask_size[number])
        return (bids, asks) if outcome == 0 else (_mirrored(asks), _mirrored(bids))

    def digest(self) -> bytes:
        """Return every number as bytes."""
        columns = (self.at, self.bid_price, self.bid_size, self.ask_price, self.ask_size)
        return b"".join(np.ascontiguousarray(column).tobytes() for column in columns)

    def quotes(self, market: int) -> Prints:
        """Return a row per snapshot: a move of the resting orders without a trade."""
        count, nobody = len(self), np.full(len(self), -1, np.int32)
        return Prints(
            at=self.at,
            wallet=nobody,
            market=np.full(count, market, np.int32),
            outcome=np.zeros(count, np.int8),
            side=np.zeros(count, np.int8),
            price=(self.bid_price[:, 0] + self.ask_price[:, 0]) / 2.0,
            size=np.zeros(count),
            kind=np.full(count, QUOTE, np.int8),
        )


def _levels(prices: Floats, sizes: Floats) -> Levels:
    return tuple(
        Level(Decimal(repr(price)).quantize(MICRO), Decimal(repr(size)).quantize(MICRO))
        for price, size in zip(prices.tolist(), sizes.tolist(), strict=True)
        if size > 0 and float(MICRO) <= price <= float(HIGHEST)
    )


def _mirrored(levels: Levels) -> Levels:
    return tuple(Level(ONE - level.price, level.size) for level in levels)


def read_snapshots(path: Path) -> dict[tuple[str, str], Snapshots]:
    """Return the snapshots of a file by condition id and slug; empty or crossed ones are left out."""
    frame = pq.read_table(path, columns=list(COLUMNS)).to_pandas().sort_values("ts_ms", kind="stable")
    found = {}
    for names, rows in frame.groupby(["condition_id", "market_slug"], sort=True):
        parts = [
            np.nan_to_num(rows[[f"{side}_up_{n}" for n in range(1, DEPTH + 1)]].to_numpy(np.float64))
            for side in SIDES
        ]
        made = Snapshots(rows["ts_ms"].to_numpy(np.float64) / 1000.0, *parts)
        bid, ask = made.bid_price[:, 0], made.ask_price[:, 0]
        usable = (bid > 0) & (ask > bid) & (ask < 1) & (made.bid_size[:, 0] > 0) & (made.ask_size[:, 0] > 0)
        usable &= np.append(True, np.diff(made.at) > 0)
        found[str(names[0]), str(names[1])] = made.take(usable)
    return found


def beside(
    prints: Prints, keys: Sequence[str], found: Mapping[tuple[str, str], Snapshots]
) -> tuple[Prints, dict[int, Snapshots], str]:
    """Return a tape with the snapshots of its markets among its rows, these by market, and a notice."""
    codes = {key: code for code, key in enumerate(keys)}
    mine: dict[int, Snapshots] = {}
    for names, snapshots in found.items():
        code = next((codes[name] for name in names if name in codes), None)
        if code is not None and len(snapshots):
            mine[code] = snapshots
    told = f"Resting orders were recorded for {len(mine)} of {len(keys)} markets of the tape"
    told += f" ({sum(map(len, mine.values())):,} snapshots): there orders meet them."
    if not mine:
        return prints, mine, told
    joined = Prints.join([prints, *(snapshots.quotes(code) for code, snapshots in mine.items())])
    return joined.take(np.argsort(joined.at, kind="stable")), mine, told
