"""Compare every book of a held token with the thresholds in force."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from remora.detection.outlet import Crossing
from remora.domain.books import OrderBook
from remora.domain.exits import CrossingKind, CrossingMonitor, Thresholds, executable_bid
from remora.domain.ids import TokenId
from remora.domain.limits import Limits
from remora.storage.triggers import Trigger
from remora.venues.venue import BookUpdate


@dataclass(slots=True)
class _Armed:
    trigger: Trigger
    monitor: CrossingMonitor
    raised_at: datetime | None = None


class CrossingBoard:
    """Thresholds by token, in memory: a book update costs a look-up when nothing is held.

    A crossing is raised once; again when the trigger was armed anew, or when it lasts `repeat_after` later, in
    case whoever heard of it did not act.
    """

    def __init__(self, limits: Limits, *, repeat_after: timedelta) -> None:
        self._limits = limits
        self._repeat_after = repeat_after
        self._armed: dict[str, _Armed] = {}
        self._by_token: dict[TokenId, list[_Armed]] = {}
        self._books: dict[TokenId, BookUpdate] = {}
        self._held: frozenset[TokenId] = frozenset()

    @property
    def tokens(self) -> frozenset[TokenId]:
        """Return the tokens whose books matter."""
        return frozenset(self._by_token)

    def refresh(self, triggers: Iterable[Trigger], held: Collection[TokenId] = ()) -> None:
        """Take the thresholds in force; one that did not change keeps what its monitor has seen.

        Books of `held` tokens are kept too: their thresholds may be armed only after their last book came.
        """
        kept: dict[str, _Armed] = {}
        by_token = defaultdict(list)
        for trigger in triggers:
            armed = self._armed.get(trigger.position_id)
            if armed is None or armed.trigger != trigger:
                known, armed = armed, _Armed(trigger, self._monitor(trigger))
                if known is None or _bounds(known.trigger) != _bounds(trigger):
                    self._see_last_book(armed)
            kept[trigger.position_id] = armed
            by_token[trigger.token_id].append(armed)
        self._armed, self._by_token = kept, dict(by_token)
        self._held = frozenset(held) | self._by_token.keys()
        self._books = {token: book for token, book in self._books.items() if token in self._held}

    def update(self, update: BookUpdate) -> list[Crossing]:
        """Take in a book; return the crossings that count now and were not raised yet."""
        token = update.book.token_id
        if token not in self._held:
            return []
        self._books[token] = update
        watching = self._by_token.get(token, [])
        raised = []
        for armed in watching:
            kind = armed.monitor.update(update.book, update.distinct, update.seen_at)
            if kind is not None and (crossing := self._raise(armed, kind, update.book, update.seen_at)):
                raised.append(crossing)
        return raised

    def overdue(self, now: datetime) -> list[Crossing]:
        """Return the crossings that count by now because they lasted, also without a further update."""
        raised = []
        for armed in self._armed.values():
            seen = self._books.get(armed.trigger.token_id)
            kind = armed.monitor.elapsed(now)
            if seen is not None and kind is not None:
                crossing = self._raise(armed, kind, seen.book, now)
                raised += [] if crossing is None else [crossing]
        return raised

    def marks(self) -> Mapping[str, Decimal]:
        """Return the executable price of every guarded position whose book is known, by position id."""
        prices = {
            position: executable_bid(seen.book, armed.trigger.shares)
            for position, armed in self._armed.items()
            if (seen := self._books.get(armed.trigger.token_id)) is not None
        }
        return {position: price for position, price in prices.items() if price is not None}

    def _monitor(self, trigger: Trigger) -> CrossingMonitor:
        return CrossingMonitor(
            shares=trigger.shares,
            bounds=Thresholds(stop_price=trigger.stop_price, target_price=trigger.target_price, exit_at=None),
            updates_needed=self._limits.crossing_updates,
            age_needed=self._limits.crossing_age,
        )

    def _see_last_book(self, armed: _Armed) -> None:
        """Start with the book we have: a quiet market may send no other for hours.

        Not after a mere re-arming: then a fresher book than ours has just contradicted it.
        """
        seen = self._books.get(armed.trigger.token_id)
        if seen is not None:
            armed.monitor.update(seen.book, seen.distinct, max(seen.seen_at, armed.trigger.armed_at))

    def _raise(self, armed: _Armed, kind: CrossingKind, book: OrderBook, seen_at: datetime) -> Crossing | None:
        if armed.raised_at is not None and seen_at - armed.raised_at < self._repeat_after:
            return None
        price = executable_bid(book, armed.trigger.shares)
        if price is None:
            return None
        armed.raised_at = seen_at
        return Crossing(
            position_id=armed.trigger.position_id,
            workflow_id=armed.trigger.workflow_id,
            kind=kind,
            executable_price=price,
            updates=armed.monitor.updates_seen,
            seen_at=seen_at,
        )


def _bounds(trigger: Trigger) -> tuple[Decimal, Decimal | None, Decimal | None]:
    return trigger.shares, trigger.stop_price, trigger.target_price
