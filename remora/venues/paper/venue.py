"""The paper venue: a live venue's markets and streams, our own orders matched here."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from secrets import token_hex
from typing import Protocol

from remora.domain.books import OrderBook
from remora.domain.clock import VenueClock
from remora.domain.ids import AccountId, ConditionId, TokenId, WalletAddress
from remora.domain.market import Market
from remora.domain.paper import Settlement
from remora.domain.trades import WhaleTrade
from remora.venues.paper.fill_feed import PaperFillFeed
from remora.venues.paper.store import PaperStore
from remora.venues.paper.trading import PaperTrading
from remora.venues.venue import BookFeed, FillFeed, MarketData, WhaleFeed


class Markets(MarketData, Protocol):
    """What of a live venue needs no account."""

    def whale_feed(self) -> WhaleFeed:
        """Return the activity stream."""

    def chain_feed(self) -> WhaleFeed | None:
        """Return the logs of the chain, None when no node's address is known."""

    def book_feed(self) -> BookFeed:
        """Return the market channel."""

    def last_message_at(self) -> dict[str, datetime]:
        """Return when each feed last said anything."""

    def listening_since(self) -> dict[str, datetime]:
        """Return since when each feed has been listened for."""

    def malformed(self) -> dict[str, dict[str, int]]:
        """Return how many messages of each feed could not be read so far, by reason."""

    async def close(self) -> None:
        """Close every connection."""


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(tz=UTC)


class PaperVenue(PaperTrading):
    """Implements :class:`remora.venues.venue.Venue` over the markets of another venue."""

    def __init__(
        self,
        markets: Markets,
        store: PaperStore,
        account: AccountId,
        *,
        now: Callable[[], datetime] = utc_now,
        salts: Callable[[], str] = lambda: token_hex(16),
        settlement: Settlement | None = None,
    ) -> None:
        chosen = settlement or Settlement()
        super().__init__(markets, store, account, now=now, salts=salts, settlement=chosen)
        self._live = markets
        self._feed: PaperFillFeed | None = None

    @classmethod
    async def open(
        cls,
        markets: Markets,
        store: PaperStore,
        account: AccountId,
        *,
        cash: Decimal,
        settlement: Settlement | None = None,
    ) -> "PaperVenue":
        """Return the venue of an account, made with `cash` dollars unless it exists."""
        await store.open(account, cash=cash, now=utc_now())
        return cls(markets, store, account, settlement=settlement)

    async def clock(self) -> VenueClock:
        """Return the live venue's clock."""
        return await self._live.clock()

    async def market_of(self, token_id: TokenId, *, fresh: bool = False) -> Market:
        """Return the market of a token."""
        return await self._live.market_of(token_id, fresh=fresh)

    async def markets(self, condition_ids: Sequence[ConditionId]) -> list[Market]:
        """Return current facts of several markets; unknown ones are left out."""
        return await self._live.markets(condition_ids)

    async def book(self, token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        """Return the live book: our own orders do not move it, but they never meet the same depth twice."""
        return await self._live.book(token_id, max_age=max_age)

    async def books(self, token_ids: Sequence[TokenId]) -> list[OrderBook]:
        """Return several live books in one request."""
        return await self._live.books(token_ids)

    async def prepare(self, token_id: TokenId, condition_id: ConditionId) -> None:
        """Read ahead what an order in this token will need."""
        await self._live.prepare(token_id, condition_id)

    async def whale_trades(self, whale: WalletAddress, *, since: datetime) -> list[WhaleTrade]:
        """Return a wallet's fills and other holding changes since venue time `since`, oldest first."""
        return await self._live.whale_trades(whale, since=since)

    async def whale_holding(self, whale: WalletAddress, token_id: TokenId) -> Decimal | None:
        """Return the shares a wallet holds of a token, None when it cannot be known."""
        return await self._live.whale_holding(whale, token_id)

    def whale_feed(self) -> WhaleFeed:
        """Return the live activity stream."""
        return self._live.whale_feed()

    def chain_feed(self) -> WhaleFeed | None:
        """Return the logs of the chain, None when no node's address is known."""
        return self._live.chain_feed()

    def book_feed(self) -> BookFeed:
        """Return the live market channel."""
        return self._live.book_feed()

    def fill_feed(self) -> FillFeed:
        """Return the paper account's own fills."""
        self._feed = PaperFillFeed(
            lambda since: self.settling(wall_since=since),
            now=self._now,
            settled_after=self._settlement.confirmed_after,
        )
        return self._feed

    def last_message_at(self) -> dict[str, datetime]:
        """Return when each feed last said anything."""
        seen = self._live.last_message_at()
        if self._feed is not None and self._feed.last_message_at is not None:
            seen["user"] = self._feed.last_message_at
        return seen

    def listening_since(self) -> dict[str, datetime]:
        """Return since when each feed of the live venue has been listened for."""
        return self._live.listening_since()

    def malformed(self) -> dict[str, dict[str, int]]:
        """Return how many messages of each feed could not be read so far, by reason."""
        return self._live.malformed()

    async def close(self) -> None:
        """Close the live venue's connections."""
        await self._live.close()
