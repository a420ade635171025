"""The venue as a whole: reads, trading and streams over the official client."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from random import Random

from polymarket import ApiKeyCreds, AsyncSecureClient

from remora.domain.clock import VenueClock
from remora.domain.ids import ConditionId, TokenId
from remora.domain.orders import Fill
from remora.domain.permission import Access
from remora.venues.polymarket import sdk
from remora.venues.polymarket.access import access
from remora.venues.polymarket.endpoints import Endpoints
from remora.venues.polymarket.public import PublicVenue, utc_now, venue_clock
from remora.venues.polymarket.session_keys import SessionKeys
from remora.venues.polymarket.trading import TradingSide
from remora.venues.polymarket.translate import translated
from remora.venues.polymarket.user_channel import UserChannelFeed
from remora.venues.venue import FillFeed


class PolymarketVenue(PublicVenue, TradingSide):
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
        PublicVenue.__init__(self, client, endpoints, clock=clock, now=now, random=random)
        TradingSide.__init__(self, client, endpoints, self, now=now)

    @classmethod
    async def create(
        cls,
        endpoints: Endpoints,
        *,
        private_key: str,
        wallet: str | None = None,
        credentials: ApiKeyCreds | None = None,
        relayer_key: str | None = None,
        builder_key: sdk.BuilderKey | None = None,
        now: Callable[[], datetime] = utc_now,
        random: Random | None = None,
    ) -> "PolymarketVenue":
        """Connect and derive credentials; `wallet` defaults to the key's own address (signature type 0).

        `relayer_key` lets contract wallets (types 1 to 3) approve and redeem; a twin takes any. `builder_key` does
        so too, and lets the owner of a deposit wallet authorise session keys.
        """
        if relayer_key is None and endpoints.control_url:
            relayer_key = "twin"
        signer = sdk.address_of(private_key)
        clock = await venue_clock(endpoints, now)
        relayer = None if relayer_key is None else sdk.relayer_key(relayer_key, signer)
        async with translated("connecting"):
            client = await AsyncSecureClient.create(
                private_key=private_key,
                wallet=wallet or signer,
                credentials=credentials,
                environment=sdk.environment(endpoints),
                api_key=builder_key or relayer,
            )
        return cls(client, endpoints, clock=clock, now=now, random=random or Random())  # noqa: S311

    async def prepare(self, token_id: TokenId, condition_id: ConditionId) -> None:
        """Start reading the market, the book, and what the client needs to sign, all at once."""
        await asyncio.gather(
            PublicVenue.prepare(self, token_id, condition_id),
            sdk.read_order_metadata(self._secure, token_id, condition_id=condition_id),
            return_exceptions=True,
        )

    def fill_feed(self) -> FillFeed:
        """Return the user channel."""
        feed = UserChannelFeed(
            self._endpoints.user_ws_url,
            lambda: sdk.user_channel_auth(self._secure),
            self._read_trade,
            now=self._now,
            random=self._random,
        )
        self._sockets["user"] = feed
        return feed

    @property
    def session_keys(self) -> SessionKeys:
        """The keys that may trade for this wallet, as its owner manages them."""
        return SessionKeys(self._secure)

    def secrets(self) -> list[str]:
        """Return what the venue gave us and must never be shown."""
        auth = sdk.user_channel_auth(self._secure)
        return [auth["secret"], auth["passphrase"]]

    async def access(self) -> Access:
        """Return whether the venue takes our orders; raise VenueUnavailable, VenueRefused."""
        return await access(self._secure, self._endpoints.geoblock_url)

    async def _read_trade(self, trade_id: str) -> list[Fill]:
        return await self._fills(id=trade_id)

    async def close(self) -> None:
        """Close every connection."""
        await TradingSide.close(self)
        await PublicVenue.close(self)
