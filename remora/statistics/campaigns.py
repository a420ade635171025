"""What a copier of one wallet would have paid and got in each market, as one net exposure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from remora.statistics.scoring_params import ScoringParams
from remora.statistics.scoring_table import SIDES, TradeTable

DUST = 0.01
"""Shares that count as nothing."""

OVERSOLD = 1.0
"""Shares that a wallet may sell beyond what we saw it get before its history counts as incomplete."""

BUY, SELL, MERGE, SPLIT = range(len(SIDES))


@dataclass(slots=True)
class Campaign:
    """All trades of one wallet in one market; buying one outcome while holding the other is a sale.

    `cost` and `value` are dollars at a copier's prices, `stake` the most that was ever invested at once,
    `bought` the shares entered, `held` the share of them that went to resolution. `closed_at` is None while
    something is open. `traded` shares changed hands, `paired` were merged or split; `turns` counts how often the
    wallet changed from taking one side to taking the other.
    """

    wallet: str
    event: str
    opened_at: float
    trades: int = 0
    exposure: float = 0.0
    basis: float = 0.0
    entered_at: float = 0.0
    cost: float = 0.0
    value: float = 0.0
    bought: float = 0.0
    held: float = 0.0
    stake: float = 0.0
    gross: list[float] = field(default_factory=lambda: [0.0, 0.0])
    purchased: list[float] = field(default_factory=lambda: [0.0, 0.0])
    durations: list[float] = field(default_factory=list)
    complete: bool = True
    closed_at: float | None = None
    market: str = ""
    paired: float = 0.0
    traded: float = 0.0
    turns: int = 0
    direction: float = 0.0

    def take(self, side: int, outcome: int, size: float, units: Sequence[float], at: float) -> None:
        """Take in one row; `units` are a copier's buying and selling price of this outcome and of the other.

        A split or merge changes the holding but not the net exposure. A sale of more than we saw the wallet get
        makes its history incomplete.
        """
        if side in (MERGE, SPLIT):
            self.paired += size
            change = size if side == SPLIT else -size
            self.gross = [max(0.0, held + change) for held in self.gross]
            return
        self.trades += 1
        buy, sell, buy_other, sell_other = units
        if side == BUY:
            self.gross[outcome] += size
            self.purchased[outcome] += size
            entry_unit, exit_unit = buy, sell_other
        else:
            self.complete &= size <= self.gross[outcome] + max(OVERSOLD, 0.01 * size)
            self.gross[outcome] = max(0.0, self.gross[outcome] - size)
            entry_unit, exit_unit = buy_other, sell
        direction = 1.0 if (side == BUY) == (outcome == 0) else -1.0
        self.turns += self.direction == -direction
        self.direction = direction
        self.traded += size
        leaving = min(size, abs(self.exposure)) if self.exposure * direction < 0 else 0.0
        if leaving > 0:
            self.leave(leaving, exit_unit, at)
        if size > leaving:
            self.enter(direction, size - leaving, entry_unit, at)

    def enter(self, direction: float, size: float, unit: float, at: float) -> None:
        """Add to the exposure at `unit` dollars a share."""
        total = abs(self.exposure) + size
        self.entered_at = (self.entered_at * abs(self.exposure) + at * size) / total
        self.exposure += direction * size
        self.basis += unit * size
        self.cost += unit * size
        self.bought += size
        self.stake = max(self.stake, self.basis)

    def leave(self, size: float, unit: float, at: float) -> None:
        """Take `size` shares off the exposure for `unit` dollars each."""
        held = abs(self.exposure)
        self.basis *= max(0.0, 1.0 - size / held)
        self.exposure -= size if self.exposure > 0 else -size
        self.value += unit * size
        self.durations.append(at - self.entered_at)

    def settle(self, payouts: tuple[float, float, float] | None, last_at: float) -> None:
        """Close the campaign if nothing is open, or what is open was paid out."""
        open_shares = abs(self.exposure)
        if open_shares <= DUST:
            self.closed_at = last_at
        elif payouts is not None:
            self.held = open_shares
            self.leave(open_shares, payouts[0 if self.exposure > 0 else 1], payouts[2])
            self.closed_at = max(last_at, payouts[2])


def campaigns(
    table: TradeTable, payouts: Mapping[str, tuple[float, float, float]], params: ScoringParams
) -> Iterator[Campaign]:
    """Yield one campaign for each wallet and market of the table."""
    # a copier buys at the worse of the wallet's price and of what was traded after the latency, and sells likewise
    high, low, rate = np.maximum(table.price, table.later), np.minimum(table.price, table.later), table.fee_rate
    same = params.buying(high, rate), params.selling(low, rate)
    other = params.buying(1 - low, rate), params.selling(1 - high, rate)
    units = np.stack([*same, *other], axis=1).tolist()
    outcomes, sides, sizes = table.outcome.tolist(), table.side.tolist(), table.size.tolist()
    moments = table.at.tolist()
    current: Campaign | None = None
    place: tuple[str, str] | None = None
    for row, at in enumerate(moments):
        here = (table.wallet[row], table.market[row])
        if current is None or here != place:
            if current is not None and place is not None:
                current.settle(payouts.get(place[1]), moments[row - 1])
                yield current
            place, current = here, Campaign(here[0], table.event[row], at, market=here[1])
        if sides[row] in (BUY, SELL) and current.trades == 0:
            current.event, current.opened_at = table.event[row], at
        current.take(sides[row], outcomes[row], sizes[row], units[row], at)
    if current is not None and place is not None:
        current.settle(payouts.get(place[1]), moments[-1])
        yield current
