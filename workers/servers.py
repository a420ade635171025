"""Servers that a process needs to begin: one that is down or coming up is waited for, within bounds."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

import structlog
from temporalio.service import RPCError, RPCStatusCode

from remora.storage.failures import may_pass
from remora.venues.venue import VenueUnavailable

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

PATIENCE = timedelta(minutes=5)
"""A server that needs longer needs a person, and whoever keeps processes running must see this one fail."""

PAUSE_MIN_S, PAUSE_MAX_S = 0.2, 3.0
UNAVAILABLE: Final = 4
"""Exit code of a process whose server stayed away."""

FINAL = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)


class ServerAway(Exception):
    """A server did not answer as long as it was waited for; the message says which, how long, and why."""


class StoppedBefore(Exception):
    """The process was told to stop before it had begun."""


async def answered(
    what: str, ask: Callable[[], Awaitable[Answer]], *, stop: asyncio.Event, patience: timedelta = PATIENCE
) -> Answer:
    """Return what `ask` returns, asking again and saying so while the server `what` does not answer.

    Raises ServerAway once `patience` ends, StoppedBefore when `stop` is set meanwhile, and at once whatever
    asking again will not help.
    """
    deadline, pause_s = time.monotonic() + patience.total_seconds(), PAUSE_MIN_S
    while True:
        if stop.is_set():
            raise StoppedBefore(what)
        try:
            return await ask()
        except Exception as error:
            if not passing(error):
                raise
            cause = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise ServerAway(
                    f"{what}: expected an answer within {patience.total_seconds():.0f} s, found {cause}; "
                    "start it, or set its address, and start this process again"
                ) from error
        log.warning("start.waiting", server=what, cause=cause, gives_up_in_s=round(left_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(pause_s, left_s)):
                await stop.wait()
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


def passing(error: Exception) -> bool:
    """Tell whether a server that is down, coming up or going down explains an error."""
    if isinstance(error, RPCError):
        return error.status not in FINAL
    # the SDK has no class of its own for a server that it could not reach
    unreached = isinstance(error, RuntimeError) and str(error).startswith("Failed client connect")
    return unreached or isinstance(error, VenueUnavailable) or may_pass(error)
