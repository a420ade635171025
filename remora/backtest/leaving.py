"""How a position is left: by a sale of all or of a part, by a payout, or not at all. The live functions decide."""

import heapq
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from remora.backtest.costs import Costs
from remora.backtest.desk import Desk
from remora.backtest.events import REDEMPTION, RETRY, Event
from remora.backtest.history import Prints, instant
from remora.backtest.holding import Holding
from remora.backtest.marking import Marks
from remora.backtest.orders import Working
from remora.backtest.outcome import Outcome
from remora.backtest.shelf import shelf_of
from remora.backtest.taken import Taken
from remora.backtest.tracks import Tracks
from remora.domain.books import OrderBook
from remora.domain.desk import REDUCED_SCALE
from remora.domain.exits import Dust, exit_order, sale_size, share_to_sell, urgent
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import MICRO, ONE, ZERO, floor_to
from remora.domain.orders import OrderRequest
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import ExitReason

PAUSE_S = 30.0
"""Seconds before a sale that filled at once, but not whole, is tried again."""


class Leaving(ABC):
    """Holds the clock of a replay and what sells, redeems and ends its positions."""

    desk: Desk
    marks: Marks
    reactions: Iterator[tuple[float, float]]
    """Seconds until we see what the market did, and until an order of ours is there, drawn for each exit."""

    def __init__(self, limits: Limits, costs: Costs, outcome: Outcome) -> None:
        self.limits, self.costs, self.outcome = limits, costs, outcome
        self.shelf = shelf_of(Decimal(repr(costs.depth_usd)))
        self.tracks = Tracks(Prints.empty(), (), spread_ticks=1)
        self._now = 0.0
        self.heap: list[Event] = []
        self.resting: dict[int, Working] = {}
        self.taken = Taken()
        self._order = itertools.count()
        self._stuck: list[Holding] = []

    def _push(self, at: float, kind: int, payload: Any) -> None:
        heapq.heappush(self.heap, (at, next(self._order), kind, payload))

    @abstractmethod
    def _send(
        self, holding: Holding, request: OrderRequest, arrives: float, *, left: Decimal, reserve: Decimal = ZERO
    ) -> None: ...

    def _follow_sale(
        self, at: float, holding: Holding, sold: Decimal, before: Decimal | None, seen_bought: Decimal
    ) -> None:
        share = share_to_sell(whale_sold=sold, whale_holding_before=before, whale_seen_bought=seen_bought)
        if holding.leaving is not None or share <= 0:
            return
        if share >= ONE:
            self._leave(holding, at, ExitReason.WHALE_EXIT)
        else:
            self._sell_part(holding, at, share, ExitReason.WHALE_EXIT)

    def _reduce(self, at: float) -> None:
        """Sell half of everything: the drawdown asks for it, once."""
        self.desk.reducing = False
        for holding in list(self.desk.open.values()):
            if holding.leaving is None and holding.shares > 0:
                self._sell_part(holding, at, ONE - REDUCED_SCALE, ExitReason.REDUCED)

    def _sell_part(self, holding: Holding, at: float, share: Decimal, reason: ExitReason) -> None:
        """Sell a share of what is held, behind the order that is under way."""
        holding.owe(share, reason)
        if holding.pending == 0:
            self._sell_owed(holding, at)

    def _sell_owed(self, holding: Holding, at: float) -> None:
        share, holding.owed = holding.owed, ZERO
        if share > 0:
            self._sell(holding, at, share)

    def _leave(self, holding: Holding, at: float, reason: ExitReason) -> None:
        """Sell everything, once an order that is on its way is done."""
        holding.leaving, holding.owed = reason, ONE
        holding.version += 1
        self._drop_orders(holding)
        if holding.ended_at is None and holding.pending == 0:
            self._sell_owed(holding, at)

    def _facing(self, holding: Holding, at: float) -> tuple[Market, OrderBook | None]:
        track = self.tracks[holding.market]
        row = track.index(at)
        return track.market_to_leave(at), track.book(row, holding.outcome, self.shelf)

    def _sell(self, holding: Holding, at: float, share: Decimal) -> None:
        """Send one sale, or wait for the end where nothing can be sold."""
        if holding.shares < SHARE_QUANTUM:
            if share >= ONE:
                self._end(holding, at, holding.leaving if holding.books.bought_shares > 0 else None)
            return
        market, book = self._facing(holding, at)
        size = sale_size(held=holding.shares, share=share, minimum=market.min_order_size)
        request = exit_order(
            market=market,
            book=book,
            shares=size,
            aggressive=urgent(holding.leaving, market, instant(at), self.limits),
            limits=self.limits,
        )
        if isinstance(request, Dust):
            self.outcome.dust[request.reason] += 1
            return  # the resolution pays for what cannot be sold
        self._send(holding, request, at + next(self.reactions)[1], left=request.shares)

    def _try_again(self, holding: Holding, at: float, *, rested: bool, filled: bool) -> None:
        """Send the sale again, at once or when the market moves: until then nothing could come of it."""
        track, window = self.tracks[holding.market], self.costs.fill_window_s
        row = track.index(at) + 1
        if not rested and filled:
            self._push(at + PAUSE_S, RETRY, holding)
        elif row >= len(track.times):
            self._stuck.append(holding)
        elif rested:
            self._push(at + window * ((track.times[row] - at) // window), RETRY, holding)
        else:
            self._push(max(at + PAUSE_S, track.times[row]), RETRY, holding)

    def _on_retry(self, at: float, holding: Holding) -> None:
        if holding.ended_at is not None or holding.pending > 0:
            return
        if holding.leaving is not None:
            self._sell(holding, at, ONE)
        else:
            self._sell_owed(holding, at)

    def _drop_orders(self, holding: Holding) -> None:
        """Take back every order of a position that waits for somebody to trade with."""
        for order in [o for o in self.resting.values() if o.holding is holding]:
            self.resting.pop(id(order))
            holding.pending -= 1
            if order.buying:
                self.desk.reserve(holding, -min(holding.reserved, order.kept))

    def _on_milestone(self, at: float, payload: tuple[Holding, str]) -> None:
        holding, what = payload
        if holding.ended_at is not None:
            return
        if what == "resolved":
            self._push(at + self.costs.redemption_lag_s, REDEMPTION, holding)
        elif holding.leaving is None:
            reason = ExitReason.PRE_RESOLUTION if what == "proposed" else ExitReason.MARKET_HALTED
            self._leave(holding, at, reason)

    def _on_redemption(self, at: float, holding: Holding) -> None:
        """Exchange the shares for their payout."""
        if holding.ended_at is not None:
            return
        payouts = self.tracks[holding.market].listing.payouts
        assert payouts is not None
        self._drop_orders(holding)
        paid = floor_to(holding.shares * payouts[holding.outcome], MICRO)
        self.desk.cash += paid
        holding.redeem(paid, at)
        self.desk.recommit(holding)
        self._end(holding, at, ExitReason.RESOLVED)

    def _end(self, holding: Holding, at: float, reason: ExitReason | None) -> None:
        holding.ended_at, holding.exit_reason = at, reason
        holding.version += 1
        if holding.reserved > 0:
            self.desk.reserve(holding, -holding.reserved)
        self.marks.forget(holding)
        self.desk.remove(holding)

    def _finish(self) -> None:
        """Value what is still held."""
        self.marks.separate(self.tracks, self.outcome.end)
        self.outcome.cash = float(self.desk.cash)
        self.outcome.equity = float(self.desk.equity)
