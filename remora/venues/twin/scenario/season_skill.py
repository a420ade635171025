"""What a skilled wallet of a generated season does: buy before the price catches up, leave when it turns."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from remora.domain.money import Side
from remora.venues.twin.scenario.season_wallets import Trader

CONVICTION = (0.52, 0.96)
"""Beliefs a skilled wallet buys at: it prefers favourites, where it is right more often than not."""

PRICE = (0.30, 0.86)
"""Prices it pays."""

PURCHASES_MAX = 2
PARTIAL_SALE = 0.5
TURNED = 0.015
PROFIT = 0.15
MERGES = 0.2
"""How often it leaves by buying the other outcome and merging instead of selling."""

_CENT = Decimal("0.01")


@dataclass(slots=True)
class SkilledHand:
    """One skilled wallet in one market: what it holds and how often it bought."""

    trader: Trader
    index: int | None = None
    shares: Decimal = Decimal(0)
    entry: float = 0.0
    purchases: int = 0
    trimmed: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """A trade that a skilled wallet wants: `shares` is 0 for a purchase (its stake decides)."""

    side: Side
    index: int
    shares: Decimal = Decimal(0)
    merge: bool = False


def plan_skilled(
    hand: SkilledHand, *, price: float, belief: float, hazard: float, rng: np.random.Generator
) -> Intent | None:
    """Return what the wallet does now, None for nothing; `price` and `belief` are of outcome 0."""
    if hand.shares > 0 and hand.index is not None:
        leaving = _leave(hand, hand.index, price=price, belief=belief, hazard=hazard, rng=rng)
        if leaving is not None:
            return leaving
    if hand.purchases >= PURCHASES_MAX or rng.uniform() > hazard:
        return None
    index = 0 if belief > price else 1
    if hand.index not in (None, index):
        return None
    ours, theirs = (belief, price) if index == 0 else (1 - belief, 1 - price)
    wanted = ours - theirs > hand.trader.gap_min
    if not wanted or not CONVICTION[0] <= ours <= CONVICTION[1] or not PRICE[0] <= theirs <= PRICE[1]:
        return None
    hand.purchases += 1
    return Intent(Side.BUY, index)


def _leave(
    hand: SkilledHand, index: int, *, price: float, belief: float, hazard: float, rng: np.random.Generator
) -> Intent | None:
    ours, theirs = (belief, price) if index == 0 else (1 - belief, 1 - price)
    if ours < theirs - TURNED and rng.uniform() < hazard:
        return Intent(Side.SELL, index, hand.shares, merge=bool(rng.uniform() < MERGES))
    risen = theirs > hand.entry * (1 + PROFIT) and ours - theirs < TURNED
    if risen and not hand.trimmed and rng.uniform() < hazard:
        hand.trimmed = True
        return Intent(Side.SELL, index, (hand.shares * Decimal(str(PARTIAL_SALE))).quantize(_CENT))
    return None
