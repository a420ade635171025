"""Make one signal of trades that arrive together."""

from dataclasses import dataclass, field

from remora.domain.aggregate import aggregate
from remora.domain.ids import TokenId, WalletAddress
from remora.domain.money import Side
from remora.domain.trades import Signal, TradeKind, WhaleTrade


@dataclass(slots=True)
class _Burst:
    side: Side
    kind: TradeKind
    opened_at: float
    trades: list[WhaleTrade] = field(default_factory=list)


class Aggregator:
    """Collects trades per whale and token for `window` seconds after the first.

    A trade on the other side ends the burst before it, so that signals leave in the order of the trades.
    Duplicates are the caller's business.
    """

    def __init__(self, *, window: float, burst_max: int) -> None:
        self._window = window
        self._burst_max = burst_max
        self._bursts: dict[tuple[WalletAddress, TokenId], _Burst] = {}

    def add(self, trade: WhaleTrade, at: float) -> Signal | None:
        """Take in a trade at `at` (monotonic seconds); return the earlier burst that it ended, if any."""
        key = (trade.whale, trade.token_id)
        burst = self._bursts.get(key)
        ended = None
        if burst is not None and not self._continues(burst, trade):
            ended = aggregate(self._bursts.pop(key).trades)
            burst = None
        if burst is None:
            burst = self._bursts[key] = _Burst(trade.side, trade.kind, at)
        burst.trades.append(trade)
        return ended

    def collects(self, trade: WhaleTrade) -> bool:
        """Tell whether rows of this very trade are being collected, so that another one adds to them."""
        burst = self._bursts.get((trade.whale, trade.token_id))
        if burst is None or not self._continues(burst, trade):
            return False
        return any(collected.key == trade.key for collected in burst.trades)

    def due(self, at: float) -> list[Signal]:
        """Return the signals whose window is over, oldest first."""
        over = [key for key, burst in self._bursts.items() if at - burst.opened_at >= self._window]
        return [aggregate(self._bursts.pop(key).trades) for key in over]

    def flush(self) -> list[Signal]:
        """Return everything that was collected, oldest first."""
        signals = [aggregate(burst.trades) for burst in self._bursts.values()]
        self._bursts.clear()
        return signals

    def next_due(self) -> float | None:
        """Return when the oldest window is over, None when nothing was collected."""
        oldest = next(iter(self._bursts.values()), None)
        return None if oldest is None else oldest.opened_at + self._window

    def _continues(self, burst: _Burst, trade: WhaleTrade) -> bool:
        same = burst.side is trade.side and burst.kind is trade.kind
        return same and len(burst.trades) < self._burst_max
