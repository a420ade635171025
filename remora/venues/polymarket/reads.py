"""Public reads: markets, books, whales."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from polymarket import AsyncPublicClient, AsyncSecureClient
from polymarket.models.clob.order_book import OrderBook as SdkBook
from polymarket.models.clob.order_book import OrderBookLevel as SdkLevel

from remora.domain.aggregate import whole_trades
from remora.domain.books import Level, OrderBook
from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId, WalletAddress
from remora.domain.market import Market
from remora.domain.money import ZERO
from remora.domain.trades import TradeSource, WhaleTrade
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.limiter import RateLimiter
from remora.venues.polymarket.market_facts import market_facts
from remora.venues.polymarket.read_ahead import ReadAhead
from remora.venues.polymarket.wire.activity import parse_trade
from remora.venues.polymarket.wire.listing import names_token
from remora.venues.polymarket.wire.page import Page, parse_page
from remora.venues.polymarket.wire.values import Malformed, json_value, number
from remora.venues.venue import MarketNotBinary, MarketUnknown, VenueUnavailable

MARKET_FRESH_SECONDS = 10.0
BATCH = 50
"""Markets in one request: more would make an address of more than four kilobytes."""

BOOKS_BATCH = 100
PAGE = 500


class Reads:
    """Implements :class:`remora.venues.venue.MarketData` on the official client and the Data API."""

    def __init__(
        self,
        client: AsyncPublicClient | AsyncSecureClient,
        endpoints: Endpoints,
        *,
        clock: VenueClock,
        now: Callable[[], datetime],
        limiter: RateLimiter | None = None,
    ) -> None:
        self.limiter = limiter or RateLimiter()
        self._client = client
        self._gamma_url = endpoints.gamma_url
        self._clock = clock
        self._now = now
        self._data = httpx.AsyncClient(base_url=endpoints.data_url, trust_env=False, timeout=10.0)
        self.malformed_rows: Counter[str] = Counter()
        self._by_token: dict[TokenId, tuple[float, Market]] = {}
        self._by_condition: dict[ConditionId, Market] = {}
        self._markets_ahead = ReadAhead(self._read_market, time.monotonic)
        self._books_ahead = ReadAhead(self._read_book, time.monotonic)

    async def close(self) -> None:
        """Close the connection to the Data API."""
        await self._data.aclose()

    async def clock(self) -> VenueClock:
        """Return the venue's clock."""
        return self._clock

    async def market_of(self, token_id: TokenId, *, fresh: bool = False) -> Market:
        """Return the market of a token, at most ten seconds old; raise MarketUnknown, MarketNotBinary."""
        cached = self._by_token.get(token_id)
        if cached is not None and not fresh and time.monotonic() - cached[0] < MARKET_FRESH_SECONDS:
            return cached[1]
        return await self._markets_ahead.get(token_id, max_age_s=0.0 if fresh else MARKET_FRESH_SECONDS)

    async def _read_market(self, token_id: TokenId) -> Market:
        # what is traded is open, as a rule; a market that closes in between is in the second list
        for closed in (False, True):
            for market in await self._list(closed=closed, **{sdk.names_of_token(token_id): [token_id]}):
                if token_id in (market.outcomes[0].token_id, market.outcomes[1].token_id):
                    return market
        if await self._is_listed(token_id):
            raise MarketNotBinary(f"the market of token {token_id} has not exactly two outcomes")
        raise MarketUnknown(f"no market has the token {token_id}")

    async def _is_listed(self, token_id: TokenId) -> bool:
        """Whether Gamma lists the token at all: the official client leaves out what is not binary."""
        async with self.limiter.reading("markets", "looking for a market"):
            for closed in ("false", "true"):
                params = {sdk.names_of_token(token_id): token_id, "closed": closed}
                answer = await self._data.get(f"{self._gamma_url}/markets/keyset", params=params)
                answer.raise_for_status()
                if names_token(json_value(answer.text), token_id):
                    return True
        return False

    async def market(self, condition_id: ConditionId) -> Market:
        """Return a market by its condition, however old; its fees and tokens never change."""
        if condition_id not in self._by_condition:
            await self.markets([condition_id])
        try:
            return self._by_condition[condition_id]
        except KeyError:
            raise MarketUnknown(f"no binary market has the condition {condition_id}") from None

    async def markets(self, condition_ids: Sequence[ConditionId]) -> list[Market]:
        """Return current facts of several markets; unknown ones are left out."""
        found: list[Market] = []
        for start in range(0, len(condition_ids), BATCH):
            wanted = list(condition_ids[start : start + BATCH])
            open_ones = await self._list(closed=False, condition_ids=wanted)
            known = {market.condition_id for market in open_ones}
            others = [one for one in wanted if one not in known]
            found += open_ones + (await self._list(closed=True, condition_ids=others) if others else [])
        return found

    async def _list(self, *, closed: bool, **filters: Any) -> list[Market]:
        """Return the open or the closed markets of a filter: the venue lists one kind at a time."""
        async with self.limiter.reading("markets", "reading markets"):
            page = await self._client.list_markets(
                closed=closed, include_tag=True, page_size=BATCH, **filters
            ).first_page()
        found = [facts for row in page.items if (facts := market_facts(row)) is not None]
        for market in found:
            self._by_condition[market.condition_id] = market
            for outcome in market.outcomes:
                self._by_token[outcome.token_id] = (time.monotonic(), market)
        return found

    async def prepare(self, token_id: TokenId, condition_id: ConditionId) -> None:
        """Start reading the market and the book, both at once."""
        await asyncio.gather(self.market_of(token_id), self.book(token_id), return_exceptions=True)

    async def book(self, token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        """Return the book right now, or as it was asked for at most `max_age` ago; raise MarketUnknown."""
        return await self._books_ahead.get(token_id, max_age_s=max_age.total_seconds())

    async def _read_book(self, token_id: TokenId) -> OrderBook:
        async with self.limiter.reading("book", f"reading the book of {token_id}"):
            return order_book(await self._client.get_order_book(token_id=token_id), self._now())

    async def books(self, token_ids: Sequence[TokenId]) -> list[OrderBook]:
        """Return several books, a hundred to a request; tokens without a sound book are left out."""
        books: list[OrderBook] = []
        for start in range(0, len(token_ids), BOOKS_BATCH):
            async with self.limiter.reading("books", "reading books"):
                found = await self._client.get_order_books(token_ids=list(token_ids[start : start + BOOKS_BATCH]))
            for one in found:
                with contextlib.suppress(VenueUnavailable):
                    books.append(order_book(one, self._now()))
        return books

    async def whale_trades(self, whale: WalletAddress, *, since: datetime) -> list[WhaleTrade]:
        """Return a wallet's fills and other holding changes since venue time `since`, oldest first."""
        params = {"user": whale, "start": int(since.timestamp()), "sort_direction": "ASC", "limit": PAGE}
        trades: list[WhaleTrade] = []
        async for row in self._data_rows("/v2/activity", params):
            trade = parse_trade(row, seen_at=self._now(), source=TradeSource.DATA_API)
            if isinstance(trade, Malformed):
                self.malformed_rows[trade.reason] += 1
            else:
                trades.append(trade)
        return whole_trades(sorted(trades, key=lambda trade: trade.happened_at))

    async def redeemed_by(self, wallet: WalletAddress, condition_id: ConditionId) -> Decimal:
        """Return the dollars that a wallet was paid for shares of a market, as far as the Data API shows."""
        # a start of 1 stands for everything: without one the last three years are searched
        asked = {"user": wallet, "condition_id": condition_id, "type": "REDEEM", "start": 1, "limit": PAGE}
        rows = [row async for row in self._data_rows("/v2/activity", asked)]
        paid = (number(row.get("usdc_size")) for row in rows if isinstance(row, dict))
        return sum((dollars for dollars in paid if dollars is not None), ZERO)

    async def whale_holding(self, whale: WalletAddress, token_id: TokenId) -> Decimal | None:
        """Return the shares a wallet holds of a token, None when the Data API does not list it."""
        asked: dict[str, Any] = {"user": whale, "limit": PAGE}
        known = self._by_token.get(token_id)
        if known is not None:  # one row instead of all that a wallet holds, which may be thousands
            asked["condition_id"] = known[1].condition_id
        async for row in self._data_rows("/v2/positions", asked):
            if isinstance(row, dict) and row.get("token_id") == token_id:
                return number(row.get("current_size"))
        return None

    async def _data_rows(self, path: str, params: dict[str, Any]) -> AsyncIterator[object]:
        """Yield the rows of every page; raise VenueUnavailable for pages that lead in a circle."""
        cursor, cursors = None, set[str]()
        while True:
            page = await self._data_page(path, params if cursor is None else {**params, "cursor": cursor})
            for row in page.rows:
                yield row
            cursor = page.next_cursor
            if cursor is None:
                return
            if cursor in cursors:
                raise VenueUnavailable(f"reading {path}: the cursor {cursor!r:.40} came twice")
            cursors.add(cursor)

    async def _data_page(self, path: str, params: dict[str, Any]) -> Page:
        """Read one page past the venue's cache, which serves the same address for up to five minutes."""
        family = "activity" if path == "/v2/activity" else "data"
        async with self.limiter.reading(family, f"reading {path}"):
            answer = await self._data.get(path, params={**params, "_": time.monotonic_ns()})
            answer.raise_for_status()
        page = parse_page(json_value(answer.text))
        if isinstance(page, Malformed):
            raise VenueUnavailable(f"reading {path}: {page.reason}: {page.detail}")
        return page


def order_book(found: SdkBook, now: datetime) -> OrderBook:
    """Return a book, best price first; raise VenueUnavailable when it has numbers that no book has."""
    if not 0 < found.tick_size < 1:
        raise VenueUnavailable(f"the book of {found.asset_id!s:.80} has the tick {found.tick_size!s:.40}")
    return OrderBook(
        token_id=TokenId(str(found.asset_id)),
        bids=tuple(sorted(map(_level, found.bids), key=lambda level: -level.price)),
        asks=tuple(sorted(map(_level, found.asks), key=lambda level: level.price)),
        as_of=found.timestamp or now,
        tick_size=found.tick_size,
        last_trade_price=found.last_trade_price,
    )


def _level(row: SdkLevel) -> Level:
    price, size = number(row.price), number(row.size)
    if price is None or size is None or not 0 < price < 1 or size <= 0:
        raise VenueUnavailable(f"a book has the price {row.price!s:.40} and the size {row.size!s:.40}")
    return Level(price, size)
