"""What many holdings are worth at an instant, looked up at once."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from remora.backtest.holding import Holding
from remora.backtest.shelf import BookShelf
from remora.backtest.tracks import Tracks
from remora.domain.precision import SHARE_QUANTUM

ROOM = 256
"""Holdings for which there is room at first."""

UNIT = SHARE_QUANTUM / 1000
"""Hundredths of shares are multiplied by thousandths of a dollar."""

Whole = NDArray[np.int64]


class Together:
    """Holdings whose executable bids are the best ones, whatever the touch: no first level is too small for them.

    The others, and those of markets whose resting orders were recorded, are left to whoever asks.
    """

    def __init__(self, tracks: Tracks, shelf: BookShelf) -> None:
        self._tracks, self._bids = tracks, tracks.bids
        # no price is above 1: a level holds its dollars in shares or more, but for rounding
        self._most = shelf.depth_usd - SHARE_QUANTUM
        self._passed = 0
        self._last = np.zeros(self._bids.markets, dtype=np.int64)
        self._bid = self._last.view(np.int32)
        self._held: list[Holding] = []
        self._slots: dict[int, int] = {}
        self._places, self._shares = np.zeros(ROOM, dtype=np.int64), np.zeros(ROOM, dtype=np.int64)

    def take(self, holding: Holding) -> bool:
        """Count what a holding holds now; tell whether it can be looked up here."""
        if holding.shares > self._most or self._tracks[holding.market].recorded is not None:
            self.drop(holding)
            return False
        slot = self._slots.get(holding.number)
        if slot is None:
            slot = self._slots[holding.number] = len(self._held)
            self._held.append(holding)
            if slot == len(self._shares):
                self._places, self._shares = (
                    np.concatenate([column, np.zeros_like(column)]) for column in (self._places, self._shares)
                )
        self._write(slot, holding)
        return True

    def drop(self, holding: Holding) -> None:
        """Count a holding no more."""
        slot = self._slots.pop(holding.number, None)
        if slot is None:
            return
        last = self._held.pop()
        if last is not holding:
            self._held[slot], self._slots[last.number] = last, slot
            self._write(slot, last)

    def value(self, at: float) -> Decimal:
        """Return what everything here would bring at an instant, which is not before the last one."""
        bids, before, count = self._bids, self._passed, len(self._held)
        now = self._passed = int(bids.at.searchsorted(at, "right"))
        if now > before:
            self._last[bids.market[before:now].astype(np.int64)] = bids.both[before:now]
        return int(self._bid[self._places[:count]] @ self._shares[:count]) * UNIT

    def _write(self, slot: int, holding: Holding) -> None:
        self._places[slot] = 2 * holding.market + holding.outcome
        self._shares[slot] = int(holding.shares / SHARE_QUANTUM)
