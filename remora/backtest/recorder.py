"""A venue that also writes down what it answered: with the account's books, the whole input of every decision."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from remora.domain.books import OrderBook
from remora.domain.ids import TokenId, WalletAddress
from remora.domain.market import Market
from remora.domain.trades import WhaleTrade
from remora.venues.venue import BookFeed, BookUpdate, FeedGap, MarketUpdate, Venue


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue said at `at` (wall clock) about a token: a book, a market, a holding or a stream's update."""

    at: datetime
    token_id: TokenId
    value: Any


@dataclass(slots=True)
class VenueLog:
    """Answers in the order in which they came."""

    answers: list[Answer] = field(default_factory=list)

    def first(self, kind: type, token_id: TokenId, since: datetime) -> Any:
        """Return the first answer of a kind about a token from `since` on, None without one."""
        for answer in self.answers:
            if answer.at >= since and answer.token_id == token_id and isinstance(answer.value, kind):
                return answer.value
        return None

    def updates(self) -> Sequence[Answer]:
        """Return what came on the stream of books."""
        return [answer for answer in self.answers if isinstance(answer.value, BookUpdate)]


@dataclass(frozen=True, slots=True)
class WhaleHolds:
    """A whale's holding as the venue reported it, None if it does not know."""

    shares: Decimal | None


@dataclass(frozen=True, slots=True)
class WhaleTraded:
    """The keys of a whale's recent trades as the venue reported them."""

    keys: frozenset[str]


class RecordingVenue:
    """A venue like the one inside it, with a log."""

    def __init__(self, venue: Venue, log: VenueLog, now: Callable[[], datetime]) -> None:
        self._venue, self._log, self._now = venue, log, now

    def __getattr__(self, name: str) -> Any:
        """Everything that is not written down goes straight through."""
        return getattr(self._venue, name)

    async def market_of(self, token_id: TokenId, *, fresh: bool = False) -> Market:
        """Return the market of a token."""
        market = await self._venue.market_of(token_id, fresh=fresh)
        self._write(token_id, market)
        return market

    async def book(self, token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        """Return the book of a token."""
        book = await self._venue.book(token_id, max_age=max_age)
        self._write(token_id, book)
        return book

    async def whale_holding(self, whale: WalletAddress, token_id: TokenId) -> Decimal | None:
        """Return what a whale holds of a token."""
        held = await self._venue.whale_holding(whale, token_id)
        self._write(token_id, WhaleHolds(held))
        return held

    async def whale_trades(self, whale: WalletAddress, *, since: datetime) -> list[WhaleTrade]:
        """Return a whale's trades since an instant."""
        found = await self._venue.whale_trades(whale, since=since)
        for token_id in {trade.token_id for trade in found}:
            self._write(token_id, WhaleTraded(frozenset(trade.key for trade in found)))
        return found

    def book_feed(self) -> BookFeed:
        """Return the stream of books."""
        return _RecordingFeed(self._venue.book_feed(), self._write)

    def _write(self, token_id: TokenId, value: Any) -> None:
        self._log.answers.append(Answer(self._now(), token_id, value))


class _RecordingFeed:
    def __init__(self, feed: BookFeed, write: Callable[[TokenId, Any], None]) -> None:
        self._feed, self._write = feed, write

    async def watch(self, token_ids: Collection[TokenId]) -> None:
        await self._feed.watch(token_ids)

    async def __aiter__(self) -> AsyncIterator[BookUpdate | MarketUpdate | FeedGap]:
        async for item in self._feed:
            if isinstance(item, BookUpdate):
                self._write(item.book.token_id, item)
            yield item
