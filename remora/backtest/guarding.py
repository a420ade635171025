"""What happens to a position while it is held: fills and thresholds. The live functions decide."""

from remora.backtest.costs import FillLevel
from remora.backtest.events import ALARM, CONFIRMATION, CROSSING, EXPIRY, PRINT
from remora.backtest.holding import Holding
from remora.backtest.leaving import Leaving
from remora.backtest.orders import Piece, Working, next_print, on_arrival, piece_of, worst_of_window
from remora.backtest.track import Track
from remora.backtest.watching import look_now, monitor, next_crossing
from remora.domain.exits import crossed, thresholds
from remora.domain.fees import taker_fee
from remora.domain.money import MICRO, ONE, floor_to
from remora.domain.precision import SHARE_QUANTUM
from remora.domain.reasons import ExitReason


class Guarding(Leaving):
    """Every handler that is not about a new signal: fills and thresholds here, sales and ends in Leaving."""

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
