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
TOO_MANY = 429
BUSY = (425, TOO_MANY)


@asynccontextmanager
async def translated(what: str) -> AsyncIterator[None]:
    """Run a read; raise VenueUnavailable, VenueRefused or MarketUnknown in place of the client's errors."""
    try:
        yield
    except RateLimitError as error:
        raise VenueUnavailable(
            f"{what}: rate limited", retry_after=error.retry_after, rate_limited=True
        ) from error
    except RequestRejectedError as error:
        raise _rejected(what, error) from error
    except httpx.HTTPStatusError as error:
        raise _refused_page(what, error.response) from error
    except (TransportError, UnexpectedResponseError, httpx.HTTPError) as error:
        raise VenueUnavailable(f"{what}: {error}") from error
    except (UserInputError, PolymarketError) as error:
        raise VenueRefused(f"{what}: {error}") from error


def _refused_page(what: str, answer: httpx.Response) -> VenueUnavailable:
    wait = answer.headers.get("retry-after", "")
    return VenueUnavailable(
        f"{what}: status {answer.status_code}",
        retry_after=float(wait) if wait.isdecimal() else None,
        rate_limited=answer.status_code == TOO_MANY,
    )


def _rejected(what: str, error: RequestRejectedError) -> Exception:
    message = f"{what}: {error} (status {error.status})"
    if error.status == NOT_FOUND:
        return MarketUnknown(message)
    if error.status is None or error.status in BUSY or error.status >= 500:
        return VenueUnavailable(message)
    return VenueRefused(message)
