"""Count every HTTP request of the process, whichever library made it."""

import re
from collections.abc import Awaitable, Callable

import httpx

from remora.telemetry.metrics import Metrics

NO_ANSWER = "none"
"""Status label of a request that got no response."""

ROUTE = re.compile(r"/[a-z][a-z0-9_-]{0,30}(?=/|$)")
OTHER_ROUTE = "/other"
"""Label of a path that begins with an identifier: every one of them would be a series of its own."""

_Handle = Callable[[httpx.AsyncHTTPTransport, httpx.Request], Awaitable[httpx.Response]]


def count_requests(metrics: Metrics) -> Callable[[], None]:
    """Count httpx's asynchronous requests by host, first path segment, method and status.

    Return a function that stops counting.
    """
    original: _Handle = httpx.AsyncHTTPTransport.handle_async_request

    async def counting(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        labels = (request.url.host, _route(request.url.path), request.method)
        try:
            response = await original(transport, request)
        except httpx.TransportError:
            metrics.api_requests.labels(*labels, NO_ANSWER).inc()
            raise
        metrics.api_requests.labels(*labels, str(response.status_code)).inc()
        return response

    def stop() -> None:
        setattr(httpx.AsyncHTTPTransport, "handle_async_request", original)  # noqa: B010

    setattr(httpx.AsyncHTTPTransport, "handle_async_request", counting)  # noqa: B010
    return stop


def _route(path: str) -> str:
    """Return a path's first segment if it is a word."""
    if path in ("", "/"):
        return "/"
    found = ROUTE.match(path)
    return OTHER_ROUTE if found is None else found.group()
