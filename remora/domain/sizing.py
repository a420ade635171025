"""How much of the bankroll one contract deserves."""

import math
from decimal import Decimal
from typing import TypeVar

from remora.domain.chance import Chance

Number = TypeVar("Number", float, Decimal)


def kelly(probability: Number, cost: Number) -> Number:
    """Return the full-Kelly share of bankroll for a contract that costs `cost` all in and pays 1.

    ``f = (p - c) / (1 - c)``, and 0 without an edge (Kelly 1956, binary case).
    """
    if not 0 < cost < 1:
        raise ValueError(f"cost must lie in (0, 1), was {cost}")
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must lie in [0, 1], was {probability}")
    zero = type(cost)(0)
    return max(zero, (probability - cost) / (1 - cost))


def stake_share(chance: Chance, cost: Decimal, fraction: Decimal) -> Decimal:
    """Return the share of equity to stake at all-in `cost`: `fraction` of full Kelly, whoever named the chance."""
    return kelly(chance.probability, cost) * fraction


def all_in_cost(price: Number, fee_rate: Number, exponent: int = 1) -> Number:
    """Return what one share costs with the taker fee: ``c + r * (c * (1 - c)) ** e``."""
    fee: Number = fee_rate * (price * (1 - price)) ** exponent
    return price + fee


def drawdown_kelly(probability: float, cost: float, floor: float, chance: float) -> float:
    """Return the largest share of bankroll whose chance of ever falling below `floor` stays under `chance`.

    Solves ``E[R ** -lambda] = 1`` with ``lambda = ln(chance) / ln(floor)`` for one binary contract (Busseti, Ryu
    and Boyd 2016), never above full Kelly. `floor` and `chance` lie in (0, 1).
    """
    if not (0 < floor < 1 and 0 < chance < 1):
        raise ValueError(f"floor and chance must lie in (0, 1), were {floor} and {chance}")
    full = kelly(float(probability), float(cost))
    exponent = math.log(chance) / math.log(floor)
    gain = (1.0 - cost) / cost

    def excess(share: float) -> float:
        lost = 1.0 - share
        if lost <= 0.0:
            return math.inf if probability < 1.0 else -1.0
        try:
            ruin = (1.0 - probability) * math.pow(lost, -exponent)
        except OverflowError:
            return math.inf
        return probability * math.pow(1.0 + share * gain, -exponent) + ruin - 1.0

    if full == 0.0 or excess(full) <= 0.0:
        return full
    low, high = 0.0, full
    for _ in range(200):
        middle = (low + high) / 2.0
        if excess(middle) <= 0.0:
            low = middle
        else:
            high = middle
    return low
