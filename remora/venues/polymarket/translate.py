"""The official client's errors in our words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from polymarket import (
    PolymarketError,
    RateLimitError,
    RequestRejectedError,
    TransportError,
    UnexpectedResponseError,
    UserInputError,
)

from remora.venues.venue import MarketUnknown, VenueRefused, VenueUnavailable

NOT_FOUND = 404
BUSY = (425, 429)


@asynccontextmanager
async def translated(what: str) -> AsyncIterator[None]:
    """Run a read; raise VenueUnavailable, VenueRefused or MarketUnknown in place of the client's errors."""
    try:
        yield
    except RateLimitError as error:
        raise VenueUnavailable(f"{what}: rate limited", retry_after=error.retry_after) from error
    except RequestRejectedError as error:
        raise _rejected(what, error) from error
    except (TransportError, UnexpectedResponseError, httpx.HTTPError) as error:
        raise VenueUnavailable(f"{what}: {error}") from error
    except (UserInputError, PolymarketError) as error:
        raise VenueRefused(f"{what}: {error}") from error


def _rejected(what: str, error: RequestRejectedError) -> Exception:
    message = f"{what}: {error} (status {error.status})"
    if error.status == NOT_FOUND:
        return MarketUnknown(message)
    if error.status is None or error.status in BUSY or error.status >= 500:
        return VenueUnavailable(message)
    return VenueRefused(message)
