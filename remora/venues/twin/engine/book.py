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
        self._touched: set[tuple[bool, int]] = set()
        self._told: dict[tuple[bool, int], int] = {}

    def add(self, order: RestingOrder) -> None:
        """Put an order behind everything at its price."""
        self._side(order.book_side).setdefault(order.book_price, deque()).append(order)
        self.touch(order)

    def remove(self, order: RestingOrder) -> None:
        """Take an order out."""
        side = self._side(order.book_side)
        queue = side.get(order.book_price)
        if queue is not None and order in queue:
            queue.remove(order)
            if not queue:
                del side[order.book_price]
            self.touch(order)

    def reduced(self, order: RestingOrder) -> None:
        """Note that an order's remaining size changed; an exhausted one leaves the book."""
        if order.remaining == 0:
            self.remove(order)
        self.touch(order)

    def touch(self, order: RestingOrder) -> None:
        """Note that the total at an order's price may have changed."""
        self._touched.add((order.book_side is Side.BUY, order.book_price))

    def facing(self, side: Side, limit: int) -> Iterator[RestingOrder]:
        """Iterate over what an order on `side` of outcome 0 would meet up to `limit`, best and oldest first."""
        buying = side is Side.BUY
        levels = self._asks if buying else self._bids
        reached = [price for price in levels if (price <= limit if buying else price >= limit)]
        for price in sorted(reached, reverse=not buying):
            yield from tuple(levels[price])

    def best(self, side: Side) -> int | None:
        """Return the best price on a side of outcome 0, None when it is empty."""
        if side is Side.BUY:
            return max(self._bids, default=None)
        return min(self._asks, default=None)

    def best_of(self, side: Side, outcome: int) -> int | None:
        """Return the best price on a side of either outcome, None when it is empty."""
        if outcome == 0:
            return self.best(side)
        mirrored = self.best(side.opposite)
        return None if mirrored is None else UNIT - mirrored

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
        """Return every level whose total differs from what the last call told of it; 0 means it is gone."""
        changed = {}
        for key in sorted(self._touched):
            total = self.total(is_bid=key[0], price=key[1])
            if self._told.get(key, 0) != total:
                changed[key] = total
                if total:
                    self._told[key] = total
                else:
                    del self._told[key]
        self._touched.clear()
        return changed

    def orders(self) -> Iterator[RestingOrder]:
        """Iterate over every resting order."""
        for levels in (self._bids, self._asks):
            for queue in list(levels.values()):
                yield from tuple(queue)

    def _side(self, side: Side) -> dict[int, deque[RestingOrder]]:
        return self._bids if side is Side.BUY else self._asks
