"""The venue as a whole: reads, trading and streams over the official client."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import httpx
from polymarket import ApiKeyCreds, AsyncSecureClient

from remora.domain.clock import VenueClock
from remora.domain.orders import Fill
from remora.venues.polymarket import sdk
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.market_channel import MarketChannelFeed
from remora.venues.polymarket.reads import Reads
from remora.venues.polymarket.rtds import RtdsWhaleFeed
from remora.venues.polymarket.trading import TradingSide
from remora.venues.polymarket.translate import translated
from remora.venues.polymarket.user_channel import UserChannelFeed
from remora.venues.venue import BookFeed, FillFeed, VenueUnavailable, WhaleFeed


def utc_now() -> datetime:
    """Return the wall clock."""
    return datetime.now(tz=UTC)


async def twin_clock(control_url: str) -> VenueClock:
    """Ask a twin for its clock; raise VenueUnavailable when it does not answer."""
    try:
        async with httpx.AsyncClient(base_url=control_url, trust_env=False, timeout=5.0) as client:
            found = (await client.get("/clock")).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise VenueUnavailable(f"no twin answers at {control_url}: {error}") from error
    return VenueClock(
        wall_origin=datetime.fromisoformat(found["wall_origin"]),
        venue_origin=datetime.fromisoformat(found["venue_origin"]),
        speed=float(found["speed"]),
    )


class PolymarketVenue(Reads, TradingSide):
    """Implements :class:`remora.venues.venue.Venue` for production and for the twin."""

    def __init__(
        self,
        client: AsyncSecureClient,
        endpoints: Endpoints,
        *,
        clock: VenueClock,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        Reads.__init__(self, client, endpoints, clock=clock, now=now)
        TradingSide.__init__(self, client, endpoints, self, now=now)
        self._random = random
        self._sockets: dict[str, RtdsWhaleFeed | MarketChannelFeed | UserChannelFeed] = {}

    @classmethod
    async def create(
        cls,
        endpoints: Endpoints,
        *,
        private_key: str,
        wallet: str | None = None,
        credentials: ApiKeyCreds | None = None,
        now: Callable[[], datetime] = utc_now,
        random: Random | None = None,
    ) -> "PolymarketVenue":
        """Connect and derive credentials; `wallet` defaults to the key's own address (signature type 0)."""
        clock = VenueClock(wall_origin=now(), venue_origin=now())
        if endpoints.control_url:
            clock = await twin_clock(endpoints.control_url)
        async with translated("connecting"):
            client = await AsyncSecureClient.create(
                private_key=private_key,
                wallet=wallet or sdk.address_of(private_key),
                credentials=credentials,
                environment=sdk.environment(endpoints),
            )
        return cls(client, endpoints, clock=clock, now=now, random=random or Random())  # noqa: S311

    def whale_feed(self) -> WhaleFeed:
        """Return the activity stream."""
        feed = RtdsWhaleFeed(self._endpoints.rtds_ws_url, now=self._now, random=self._random)
        self._sockets["rtds"] = feed
        return feed

    def book_feed(self) -> BookFeed:
        """Return the market channel."""
        feed = MarketChannelFeed(self._endpoints.market_ws_url, now=self._now, random=self._random)
        self._sockets["market"] = feed
        return feed

    def fill_feed(self) -> FillFeed:
        """Return the user channel."""
        feed = UserChannelFeed(
            self._endpoints.user_ws_url,
            lambda: sdk.user_channel_auth(self._client),
            self._read_trade,
            now=self._now,
            random=self._random,
        )
        self._sockets["user"] = feed
        return feed

    async def _read_trade(self, trade_id: str) -> list[Fill]:
        return await self._fills(id=trade_id)

    def last_message_at(self) -> dict[str, datetime]:
        """Return when each feed last said anything, pong included."""
        return {
            name: feed.socket.last_message_at
            for name, feed in self._sockets.items()
            if feed.socket.last_message_at is not None
        }

    async def close(self) -> None:
        """Close every connection."""
        await TradingSide.close(self)
        await Reads.close(self)
        await self._client.close()
