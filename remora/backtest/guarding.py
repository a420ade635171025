"""What happens to a position after its approval: fills, thresholds, exits, the end. The live functions decide."""

import heapq
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from remora.backtest.costs import Costs, FillLevel
from remora.backtest.desk import Desk
from remora.backtest.history import Prints, instant
from remora.backtest.holding import Holding
from remora.backtest.marking import Marks
from remora.backtest.orders import Piece, Working, next_print, on_arrival, piece_of, worst_of_window
from remora.backtest.outcome import Outcome
from remora.backtest.shelf import shelf_of
from remora.backtest.taken import Taken
from remora.backtest.track import Track
from remora.backtest.tracks import Tracks
from remora.backtest.watching import look_now, monitor, next_crossing
from remora.domain.books import OrderBook
from remora.domain.desk import REDUCED_SCALE
from remora.domain.exits import Dust, crossed, exit_order, sale_size, share_to_sell, thresholds, urgent
from remora.domain.fees import taker_fee
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import MICRO, ONE, ZERO, floor_to
from remora.domain.orders import OrderRequest
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import ExitReason

SIGNAL, ARRIVAL, PRINT, EXPIRY, CROSSING, ALARM, MILESTONE, REDEMPTION, RETRY, CONFIRMATION = range(10)
Event = tuple[float, int, int, Any]
"""When, a number that keeps events of one instant in order, the kind, and what the handler is given."""

PAUSE_S = 30.0
"""Seconds before a sale that filled at once, but not whole, is tried again."""


class Guarding(ABC):
    """Holds the clock of a replay and every handler that is not about a new signal."""

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

    # what is there

    def _facing(self, holding: Holding, at: float) -> tuple[Market, OrderBook | None]:
        track = self.tracks[holding.market]
        row = track.index(at)
        return track.market_to_leave(at), track.book(row, holding.outcome, self.shelf)

    # fills

    def _on_arrival(self, at: float, order: Working) -> None:
        holding = order.holding
        if order.buying and holding.ended_at is not None:
            self._close_order(order, at)
            return
        pieces = on_arrival(order, self.tracks[holding.market], self.costs, self.shelf, self.taken)
        if pieces is None and (holding.leaving is None or not order.buying):
            self.resting[id(order)] = order
            self._push(order.expires, EXPIRY, order)
            self._seek(order)
            return
        for piece in pieces or ():
            self._execute(order, piece)
        self._close_order(order, at)

    def _seek(self, order: Working) -> None:
        """Look on for prints that fill an order, in rows that were not looked at yet."""
        track = self.tracks[order.holding.market]
        if order.sought_at is not None:
            order.next_row = track.index(order.sought_at) + 1
        self._schedule_print(order, track)

    def _schedule_print(self, order: Working, track: Track) -> None:
        if self.costs.level is FillLevel.PESSIMISTIC:
            return
        row = next_print(order, track)
        order.sought_at = track.times[-1 if row is None else row]
        if row is not None:
            self._push(order.sought_at, PRINT, (order, row, track))

    def _on_print(self, at: float, payload: tuple[Working, int, Track]) -> None:
        order, row, track = payload
        if id(order) not in self.resting:
            return
        piece = piece_of(order, track, row, self.taken)
        if piece is not None:
            self._execute(order, piece)
        if order.done:
            self._close_order(order, at)
        else:
            order.next_row = row + 1
            self._schedule_print(order, track)

    def _on_expiry(self, at: float, order: Working) -> None:
        if id(order) not in self.resting:
            return
        if self.costs.level is FillLevel.PESSIMISTIC:
            track = self.tracks[order.holding.market]
            order.next_row = track.index(order.arrives) + 1
            piece = worst_of_window(order, track, self.taken)
            if piece is not None:
                self._execute(order, piece)
        self._close_order(order, at)

    def _execute(self, order: Working, piece: Piece) -> None:
        """Book one execution, fee included."""
        holding, track = order.holding, self.tracks[order.holding.market]
        listing = track.listing
        notional = floor_to(piece.shares * piece.price, MICRO)
        fee = taker_fee(piece.shares, piece.price, listing.fee_rate, listing.fee_exponent)
        dollars = -notional - fee if order.buying else notional - fee
        self.desk.cash += dollars
        holding.fill(piece.shares, piece.price, fee, buying=order.buying, at=piece.at)
        if order.buying:
            released = min(holding.reserved, notional * order.reserve)
            order.kept -= released
            self.desk.reserve(holding, -released)
        else:
            self.desk.recommit(holding)
        self.marks.follow(holding, track, piece.at)
        if order.buying and holding.leaving is None:
            self._arm(holding, piece.at)

    def _close_order(self, order: Working, at: float) -> None:
        """Nothing more of it can fill: give back what was set aside, and go on from there."""
        rested = self.resting.pop(id(order), None) is not None
        holding = order.holding
        holding.pending -= 1
        if order.buying:
            self.desk.reserve(holding, -min(holding.reserved, order.kept))
        if holding.ended_at is not None or holding.pending > 0:
            return
        if holding.shares < SHARE_QUANTUM:
            bought = holding.books.bought_shares > 0
            self._end(holding, at, holding.leaving or (holding.owed_for if bought else None))
        elif order.buying:
            self._sell_owed(holding, at)
        else:
            self._go_on(order, at, rested=rested)

    def _go_on(self, order: Working, at: float, *, rested: bool) -> None:
        """Guard what a sale left; what it was to sell and did not is offered again."""
        holding, again = order.holding, order.left >= SHARE_QUANTUM
        if holding.leaving is not None:
            again = holding.owed == 0  # else this one was under way before, and the sale of everything is next
        else:
            self._arm(holding, at)
            if again:
                holding.owe(min(ONE, order.left / holding.shares), holding.owed_for)
        if again:
            self._try_again(holding, at, rested=rested, filled=order.left < order.request.shares)
        else:
            self._sell_owed(holding, at)

    def _drop_orders(self, holding: Holding) -> None:
        """Take back every order of a position that waits for somebody to trade with."""
        for order in [o for o in self.resting.values() if o.holding is holding]:
            self.resting.pop(id(order))
            holding.pending -= 1
            if order.buying:
                self.desk.reserve(holding, -min(holding.reserved, order.kept))

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

    # thresholds

    def _arm(self, holding: Holding, at: float) -> None:
        """Compute the thresholds for what is held now and watch them."""
        average = holding.books.average_price
        assert average is not None
        track, first = self.tracks[holding.market], holding.bounds is None
        holding.bounds = thresholds(
            entry_price=average,
            spread_paid=holding.spread,
            tick_size=track.tick_size(at),
            end_at=track.ends,
            limits=self.limits,
        )
        holding.monitor = monitor(holding, holding.bounds, self.limits)
        look_now(holding, track, at, self.shelf)
        if first and holding.bounds.exit_at is not None:
            self._push(max(at, holding.bounds.exit_at.timestamp()), ALARM, holding)
        self._watch(holding)

    def _watch(self, holding: Holding) -> None:
        """Schedule the next crossing that the rows at hand hold."""
        holding.version += 1
        if holding.monitor is None or holding.leaving is not None or holding.confirming:
            return
        found = next_crossing(holding, self.tracks[holding.market], self.shelf)
        if found is not None:
            self._push(found[0], CROSSING, (holding, holding.version))

    def _on_crossing(self, at: float, payload: tuple[Holding, int]) -> None:
        """A crossing counts: we hear of it, as of a trade, some seconds later, and look at the book of then."""
        holding, version = payload
        if version == holding.version and holding.ended_at is None and holding.leaving is None:
            holding.confirming = True
            self._push(at + next(self.reactions)[0], CONFIRMATION, holding)

    def _on_confirmation(self, at: float, holding: Holding) -> None:
        holding.confirming = False
        if holding.ended_at is not None or holding.leaving is not None:
            return
        assert holding.bounds is not None
        track = self.tracks[holding.market]
        book = track.book(track.index(at), holding.outcome, self.shelf)
        kind = None if book is None else crossed(book, holding.shares, holding.bounds)
        if kind is not None:
            self._leave(holding, at, ExitReason(kind.value))
            return
        holding.monitor = monitor(holding, holding.bounds, self.limits)
        holding.watched_to = at
        self._watch(holding)

    def _on_alarm(self, at: float, holding: Holding) -> None:
        if holding.ended_at is None and holding.leaving is None:
            self._leave(holding, at, ExitReason.PRE_RESOLUTION)

    # leaving

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
        self.desk.remove(holding)

    def _finish(self) -> None:
        """Value what is still held."""
        for holding in self.desk.open.values():
            if holding.shares > 0:
                self.marks.follow(holding, self.tracks[holding.market], self.outcome.end)
        self.outcome.cash = float(self.desk.cash)
        self.outcome.equity = float(self.desk.equity)
