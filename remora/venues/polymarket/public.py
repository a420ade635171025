"""What of the venue needs no account: markets, books, whales and their streams."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import httpx
from polymarket import AsyncPublicClient, AsyncSecureClient

from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.market_channel import MarketChannelFeed
from remora.venues.polymarket.reads import Reads
from remora.venues.polymarket.rtds import RtdsWhaleFeed
from remora.venues.polymarket.user_channel import UserChannelFeed
from remora.venues.venue import BookFeed, VenueUnavailable, WhaleFeed

if TYPE_CHECKING:  # web3 takes a fifth of a worker's start, and only a watcher with a node listens to the chain
    from remora.venues.polymarket.chain_feed import ChainWhaleFeed


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(tz=UTC)


async def venue_clock(endpoints: Endpoints, now: Callable[[], datetime]) -> VenueClock:
    """Return a twin's clock, wall time elsewhere; raise VenueUnavailable when the twin does not answer."""
    if not endpoints.control_url:
        return VenueClock(wall_origin=now(), venue_origin=now())
    try:
        async with httpx.AsyncClient(base_url=endpoints.control_url, trust_env=False, timeout=5.0) as client:
            found = (await client.get("/clock")).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise VenueUnavailable(f"no twin answers at {endpoints.control_url}: {error}") from error
    return VenueClock(
        wall_origin=datetime.fromisoformat(found["wall_origin"]),
        venue_origin=datetime.fromisoformat(found["venue_origin"]),
        speed=float(found["speed"]),
    )


class PublicVenue(Reads):
    """Reads and public streams, without a key; see :class:`remora.venues.venue.MarketData`."""

    def __init__(
        self,
        client: AsyncPublicClient | AsyncSecureClient,
        endpoints: Endpoints,
        *,
        clock: VenueClock,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        super().__init__(client, endpoints, clock=clock, now=now)
        self._endpoints = endpoints
        self._random = random
        self._sockets: dict[str, RtdsWhaleFeed | MarketChannelFeed | UserChannelFeed] = {}
        self._chain: ChainWhaleFeed | None = None

    @classmethod
    async def connect(
        cls,
        endpoints: Endpoints,
        *,
        now: Callable[[], datetime] = utc_now,
        random: Random | None = None,
    ) -> "PublicVenue":
        """Connect; raise VenueUnavailable when a twin does not answer."""
        clock = await venue_clock(endpoints, now)
        client = AsyncPublicClient(environment=sdk.environment(endpoints))
        return cls(client, endpoints, clock=clock, now=now, random=random or Random())  # noqa: S311

    def whale_feed(self) -> WhaleFeed:
        """Return the activity stream."""
        feed = RtdsWhaleFeed(self._endpoints.rtds_ws_url, now=self._now, random=self._random)
        self._sockets["rtds"] = feed
        return feed

    def chain_feed(self) -> WhaleFeed | None:
        """Return the logs of the chain, None when no node's address is known."""
        if not self._endpoints.rpc_ws_urls:
            return None
        from remora.venues.polymarket.chain_feed import ChainWhaleFeed

        self._chain = ChainWhaleFeed(
            self._endpoints.rpc_ws_urls,
            sdk.contracts(),
            condition_of=self._condition_of,
            clock=self.clock,
            now=self._now,
            random=self._random,
        )
        return self._chain

    async def _condition_of(self, token_id: TokenId) -> ConditionId:
        return (await self.market_of(token_id)).condition_id

    def book_feed(self) -> BookFeed:
        """Return the market channel."""
        feed = MarketChannelFeed(self._endpoints.market_ws_url, now=self._now, random=self._random)
        self._sockets["market"] = feed
        return feed

    def last_message_at(self) -> dict[str, datetime]:
        """Return when each feed last said anything, pong included."""
        heard = {name: feed.socket.last_message_at for name, feed in self._sockets.items()}
        heard["chain"] = None if self._chain is None else self._chain.last_message_at
        return {name: at for name, at in heard.items() if at is not None}

    def listening_since(self) -> dict[str, datetime]:
        """Return since when each feed has been listened for."""
        began = {name: feed.socket.listening_since for name, feed in self._sockets.items()}
        began["chain"] = None if self._chain is None else self._chain.listening_since
        return {name: at for name, at in began.items() if at is not None}

    def malformed(self) -> dict[str, dict[str, int]]:
        """Return how many messages of each feed could not be read so far, by reason."""
        counted = {name: dict(feed.malformed) for name, feed in self._sockets.items()}
        counted["data_api"] = dict(self.malformed_rows)
        return counted if self._chain is None else {**counted, "chain": dict(self._chain.malformed)}

    async def close(self) -> None:
        """Close every connection."""
        await Reads.close(self)
        await self._client.close()
