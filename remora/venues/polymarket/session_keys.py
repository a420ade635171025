"""Session keys: others that the owner of a deposit wallet lets trade for it, on the order book alone.

Whoever steals one can trade badly, and can neither withdraw nor approve. The owner's key is needed only here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from polymarket import AsyncSecureClient, SessionKeyKnownScope

from remora.venues.polymarket.translate import translated

SCOPES = (SessionKeyKnownScope.CLOB,)
"""All that Remora needs: the client's own default would grant every venue, future ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """A key that may trade for the wallet until `valid_until`, the official client's 180 days from its grant."""

    address: str
    scopes: tuple[str, ...]
    valid_until: datetime


class SessionKeys:
    """The grants of one deposit wallet, as its owner; every method raises VenueRefused, VenueUnavailable."""

    def __init__(self, client: AsyncSecureClient) -> None:
        self._client = client

    async def listed(self) -> list[SessionKey]:
        """Return the grants in force."""
        async with translated("reading session keys"):
            found = await self._client.fetch_session_keys()
        return [_made(one.address, one.scopes, one.valid_until) for one in found]

    async def authorise(self, address: str) -> SessionKey:
        """Let a key trade on the order book; returns once the chain and the venue know it. Needs a builder key."""
        async with translated("authorising a session key"):
            made = (await self._client.authorize_session_key(address=address, scopes=SCOPES)).session_key
        return _made(made.address, made.scopes, made.valid_until)

    async def revoke(self, address: str) -> None:
        """Take a grant back; returns once the venue takes nothing from that key any more."""
        async with translated("revoking a session key"):
            await self._client.revoke_session_key(address=address)


def _made(address: str, scopes: Sequence[str], valid_until: datetime) -> SessionKey:
    return SessionKey(address=str(address), scopes=tuple(map(str, scopes)), valid_until=valid_until)
