"""The narrow seam to an exchange: nothing above it sees an SDK type or an HTTP error."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from remora.domain.books import OrderBook
from remora.domain.clock import VenueClock
from remora.domain.ids import AccountId, ConditionId, OrderDigest, TokenId, WalletAddress
from remora.domain.market import Market
from remora.domain.orders import Fill, OrderLookup, OrderRequest, SendOutcome, SignedOrder
from remora.domain.trades import WhaleTrade


class VenueError(Exception):
    """The venue could not answer.

    VenueError
    ├── VenueUnavailable   try again later: connection, timeout, 425, 429, 5xx
    ├── VenueRefused       asking again will not help: credentials, region, closed-only, malformed request
    └── MarketUnknown      the venue has no such market, token or book
        └── MarketNotBinary   it has the market, but with more or fewer than two outcomes
    """


class VenueUnavailable(VenueError):
    """A read did not get through; the same call may succeed later.

    `retry_after` is in seconds when the venue said so; `rate_limited`: it was asked too often.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, rate_limited: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.rate_limited = rate_limited


class VenueRefused(VenueError):
    """The venue answered and the answer is no."""


class MarketUnknown(VenueError):
    """The venue does not know this market, token or book."""


class MarketNotBinary(MarketUnknown):
    """The venue knows the market, but it has not exactly two outcomes: nothing here can trade it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Shares of one token that an account holds, as the venue reports them."""

    token_id: TokenId
    condition_id: ConditionId
    shares: Decimal
    redeemable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedGap:
    """A stream was down or silent: what happened in between must be read again, unless the feed did (`healed`)."""

    feed: str
    since: datetime
    until: datetime
    cause: str
    healed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRetracted:
    """The chain took a trade back for good: its transaction was reorganised away and did not come again."""

    trade: WhaleTrade
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BookUpdate:
    """A fresh book of one token after a snapshot or change; `distinct` numbers the changes of this token."""

    book: OrderBook
    seen_at: datetime
    distinct: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillUpdate:
    """One of our own fills was matched or changed its settlement status."""

    fill: Fill
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnmatched:
    """The venue ended one of our own orders of which nothing had matched; `status` is its word for that."""

    digest: OrderDigest
    status: str
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketUpdate:
    """A market's tick, acceptance or resolution changed; read the market again for the facts."""

    condition_id: ConditionId
    what: str
    seen_at: datetime


class MarketData(Protocol):
    """Public reads."""

    async def clock(self) -> VenueClock:
        """Return the venue's clock."""

    async def market_of(self, token_id: TokenId, *, fresh: bool = False) -> Market:
        """Return the market of a token; cached for a short while unless `fresh`."""

    async def markets(self, condition_ids: Sequence[ConditionId]) -> list[Market]:
        """Return current facts of several markets in few requests; unknown ones are left out."""

    async def book(self, token_id: TokenId, *, max_age: timedelta = timedelta(0)) -> OrderBook:
        """Return the book right now, or as it was asked for at most `max_age` ago; raise MarketUnknown."""

    async def prepare(self, token_id: TokenId, condition_id: ConditionId) -> None:
        """Read ahead what an order in this token will need; what cannot be read is left to the order itself."""

    async def books(self, token_ids: Sequence[TokenId]) -> list[OrderBook]:
        """Return several books in one request; tokens without a book are left out."""

    async def whale_trades(self, whale: WalletAddress, *, since: datetime) -> list[WhaleTrade]:
        """Return a wallet's fills and other holding changes since venue time `since`, oldest first."""

    async def whale_holding(self, whale: WalletAddress, token_id: TokenId) -> Decimal | None:
        """Return the shares a wallet holds of a token, None when it cannot be known."""


class Trading(Protocol):
    """Our own account: signing, sending, looking up."""

    @property
    def account(self) -> AccountId:
        """The wallet that holds the money."""

    async def sign(self, request: OrderRequest, market: Market) -> SignedOrder:
        """Sign once, offline; every call makes a new order with a new digest."""

    async def send(self, order: SignedOrder) -> SendOutcome:
        """Post the persisted bytes; a timeout or 5xx is Unknown, never an exception."""

    async def look_up(
        self, digest: OrderDigest, *, condition_id: ConditionId, may_rest: bool = True
    ) -> OrderLookup:
        """Search open orders and account trades for a digest; `may_rest` False: it is known not to be open."""

    async def cancel(self, digest: OrderDigest) -> bool:
        """Cancel a resting order; False when the venue says that it no longer rests."""

    async def beat(self) -> None:
        """Say that we are there: from then on ten seconds of silence let the venue cancel what rests."""

    async def open_orders(self) -> list[OrderDigest]:
        """Return the digests of all our resting orders."""

    async def fills(self, *, since: datetime) -> list[Fill]:
        """Return our fills matched since venue time `since`, oldest first."""

    async def cash(self) -> Decimal:
        """Return spendable dollars."""

    async def shares(self, token_id: TokenId) -> Decimal:
        """Return the shares we hold of a token."""

    async def holdings(self) -> list[Holding]:
        """Return all shares the account holds."""

    async def redeem(self, condition_id: ConditionId) -> Decimal:
        """Redeem a resolved market's shares and return the dollars credited; 0 when nothing was left."""

    async def redeemed(self, condition_id: ConditionId) -> Decimal | None:
        """Return the dollars that a market's redemptions have paid us, as far as the venue shows them by now.

        None where no record is kept and what the payouts promise is what was paid.
        """


class WhaleFeed(Protocol):
    """Fills of followed wallets from a stream; reconnects by itself and reports every gap in-line."""

    async def follow(self, whales: Collection[WalletAddress]) -> None:
        """Replace the set of followed wallets, also while running."""

    def __aiter__(self) -> AsyncIterator[WhaleTrade | TradeRetracted | FeedGap]:
        """Iterate for ever."""


class BookFeed(Protocol):
    """Books and market events of watched tokens; reconnects by itself and reports every gap in-line."""

    async def watch(self, token_ids: Collection[TokenId]) -> None:
        """Replace the set of watched tokens, also while running."""

    def __aiter__(self) -> AsyncIterator[BookUpdate | MarketUpdate | FeedGap]:
        """Iterate for ever."""


class FillFeed(Protocol):
    """Our own fills, their settlement, and orders that end without any; reports every gap in-line."""

    def __aiter__(self) -> AsyncIterator[FillUpdate | OrderUnmatched | FeedGap]:
        """Iterate for ever."""


class Streams(Protocol):
    """Long-lived feeds, one connection each, opened when first iterated."""

    def whale_feed(self) -> WhaleFeed:
        """Return the activity stream."""

    def chain_feed(self) -> WhaleFeed | None:
        """Return the logs of the chain, None when no node's address is known."""

    def book_feed(self) -> BookFeed:
        """Return the market channel."""

    def fill_feed(self) -> FillFeed:
        """Return the user channel."""

    def last_message_at(self) -> dict[str, datetime]:
        """Return when each feed last said anything, pong included."""

    def listening_since(self) -> dict[str, datetime]:
        """Return since when each feed has been listened for: one that never spoke has been silent since."""

    def malformed(self) -> dict[str, dict[str, int]]:
        """Return how many messages of each feed could not be read so far, by reason."""


class Venue(MarketData, Trading, Streams, Protocol):
    """An exchange: live, paper or twin."""

    async def close(self) -> None:
        """Close every connection."""
