"""Whether the venue takes our orders from here, asked before the first one and now and then."""

import httpx
from polymarket import AsyncSecureClient

from remora.domain.permission import Access
from remora.venues.polymarket.translate import translated
from remora.venues.venue import VenueUnavailable


async def region(geoblock_url: str) -> tuple[bool, str]:
    """Return whether this machine's region is blocked, and its country; raise VenueUnavailable.

    The answer carries our address too, which is read by nobody here and kept nowhere.
    """
    try:
        # the way that orders take: through a proxy of the environment the answer would be about another place
        async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
            found = (await client.get(geoblock_url)).raise_for_status().json()
            blocked, country = found["blocked"], str(found.get("country") or "?")
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VenueUnavailable(f"reading the region: {type(error).__name__}") from error
    if not isinstance(blocked, bool):
        raise VenueUnavailable("reading the region: the answer does not say whether it is blocked")
    return blocked, country


async def access(client: AsyncSecureClient, geoblock_url: str) -> Access:
    """Return what the venue says about our region and account right now; raise VenueUnavailable, VenueRefused."""
    blocked, country = await region(geoblock_url)
    async with translated("reading the account's standing"):
        closed_only = await client.get_closed_only_mode()
    return Access(geoblocked=blocked, closed_only=closed_only, country=country)
