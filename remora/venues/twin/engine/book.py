"""One market's book in terms of outcome 0: price first, then time."""

from collections import deque
from collections.abc import Iterator

from remora.domain.money import Side
from remora.venues.twin.engine.records import UNIT, RestingOrder


class Book:
    """Resting orders of both outcomes as one book: a bid for one is an ask for the other."""

    def __init__(self) -> None:
        self._bids: dict[int, deque[RestingOrder]] = {}
        self._asks: dict[int, deque[RestingOrder]] = {}
        self._changed: set[tuple[bool, int]] = set()

    def add(self, order: RestingOrder) -> None:
        """Put an order behind everything at its price."""
        side = self._side(order.book_side)
        side.setdefault(order.book_price, deque()).append(order)
        self._touch(order)

    def remove(self, order: RestingOrder) -> None:
        """Take an order out."""
        side = self._side(order.book_side)
        queue = side.get(order.book_price)
        if queue is not None and order in queue:
            queue.remove(order)
            if not queue:
                del side[order.book_price]
            self._touch(order)

    def reduced(self, order: RestingOrder) -> None:
        """Note that an order's remaining size changed; an exhausted one leaves the book."""
        if order.remaining == 0:
            self.remove(order)
        self._touch(order)

    def facing(self, side: Side) -> Iterator[RestingOrder]:
        """Iterate over what an order on `side` of outcome 0 would meet, best price and oldest first."""
        levels = self._asks if side is Side.BUY else self._bids
        for price in sorted(levels, reverse=side is Side.SELL):
            yield from tuple(levels[price])

    def best(self, side: Side) -> int | None:
        """Return the best price on a side of outcome 0, None when it is empty."""
        if side is Side.BUY:
            return max(self._bids, default=None)
        return min(self._asks, default=None)

    def levels(self, side: Side, outcome: int) -> list[tuple[int, int]]:
        """Return (price, total shares) of one outcome's bids or asks, worst first and best last."""
        mirrored = outcome == 1
        source = self._side(side.opposite if mirrored else side)
        rows = [
            (UNIT - price if mirrored else price, sum(order.remaining for order in queue))
            for price, queue in source.items()
        ]
        return sorted(rows, reverse=side is Side.SELL)

    def total(self, *, is_bid: bool, price: int) -> int:
        """Return all shares at one price of outcome 0."""
        return sum(order.remaining for order in (self._bids if is_bid else self._asks).get(price, ()))

    def take_changes(self) -> dict[tuple[bool, int], int]:
        """Return the totals of every level that changed since the last call."""
        changed = {key: self.total(is_bid=key[0], price=key[1]) for key in sorted(self._changed)}
        self._changed.clear()
        return changed

    def orders(self) -> Iterator[RestingOrder]:
        """Iterate over every resting order."""
        for levels in (self._bids, self._asks):
            for queue in list(levels.values()):
                yield from tuple(queue)

    def _side(self, side: Side) -> dict[int, deque[RestingOrder]]:
        return self._bids if side is Side.BUY else self._asks

    def _touch(self, order: RestingOrder) -> None:
        self._changed.add((order.book_side is Side.BUY, order.book_price))
