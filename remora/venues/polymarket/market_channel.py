"""The market channel: books of the tokens we hold, kept change by change."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection

from remora.domain.books import OrderBook
from remora.domain.ids import ConditionId, TokenId
from remora.venues.polymarket.socket import Socket
from remora.venues.polymarket.wire.market import Changes, MarketNotice, TickChange, parse_market_message
from remora.venues.polymarket.wire.values import Malformed, messages_in
from remora.venues.venue import BookUpdate, FeedGap, MarketUpdate

PING_EVERY = timedelta(seconds=10)
SILENT_AFTER = timedelta(seconds=30)


class MarketChannelFeed:
    """Implements :class:`remora.venues.venue.BookFeed`."""

    def __init__(self, url: str, *, now: Callable[[], datetime], random: Random) -> None:
        self.socket = Socket("market", url, now, self._greet, PING_EVERY, SILENT_AFTER, random)
        self.malformed: Counter[str] = Counter()
        self._tokens: frozenset[TokenId] = frozenset()
        self._books: dict[TokenId, OrderBook] = {}
        self._distinct: dict[TokenId, int] = {}

    async def watch(self, token_ids: Collection[TokenId]) -> None:
        """Replace the set of watched tokens, also while running."""
        wanted = frozenset(token_ids)
        added, dropped = wanted - self._tokens, self._tokens - wanted
        self._tokens = wanted
        for token in dropped:
            self._books.pop(token, None)
        if dropped:
            await self.socket.send(json.dumps({"operation": "unsubscribe", "assets_ids": sorted(dropped)}))
        if added:
            frame = {"operation": "subscribe", "assets_ids": sorted(added), "custom_feature_enabled": True}
            await self.socket.send(json.dumps(frame))

    def __aiter__(self) -> AsyncIterator[BookUpdate | MarketUpdate | FeedGap]:
        """Iterate for ever."""
        return self._updates()

    async def _greet(self, connection: ClientConnection) -> None:
        self._books.clear()
        frame = {"type": "market", "assets_ids": sorted(self._tokens), "custom_feature_enabled": True}
        await connection.send(json.dumps(frame))

    async def _updates(self) -> AsyncIterator[BookUpdate | MarketUpdate | FeedGap]:
        async for frame in self.socket.frames():
            if isinstance(frame, FeedGap):
                yield frame
                continue
            for message in messages_in(frame.text):
                for update in self._apply(message, frame.seen_at):
                    yield update

    def _apply(self, raw: Any, seen_at: datetime) -> Iterator[BookUpdate | MarketUpdate]:
        message = parse_market_message(raw)
        if isinstance(message, Malformed):
            self.malformed[message.reason] += 1
        elif isinstance(message, OrderBook):
            yield from self._replace([message], seen_at)
        elif isinstance(message, Changes):
            yield from self._replace(self._changed(message), seen_at)
        elif isinstance(message, TickChange):
            yield MarketUpdate(
                condition_id=ConditionId(message.condition_id), what="tick_size_change", seen_at=seen_at
            )
        elif isinstance(message, MarketNotice):
            yield MarketUpdate(condition_id=message.condition_id, what=message.what, seen_at=seen_at)

    def _changed(self, message: Changes) -> list[OrderBook]:
        touched: dict[TokenId, OrderBook] = {}
        for change in message.changes:
            book = touched.get(change.token_id) or self._books.get(change.token_id)
            if book is not None:
                touched[change.token_id] = book.with_level(change.side, change.level, message.at)
        return list(touched.values())

    def _replace(self, books: list[OrderBook], seen_at: datetime) -> Iterator[BookUpdate]:
        for book in books:
            if book.token_id not in self._tokens:
                continue
            before = self._books.get(book.token_id)
            if before is None or (before.bids, before.asks) != (book.bids, book.asks):
                self._distinct[book.token_id] = self._distinct.get(book.token_id, 0) + 1
            self._books[book.token_id] = book
            yield BookUpdate(book=book, seen_at=seen_at, distinct=self._distinct[book.token_id])
