"""Count every HTTP request of the process, whichever library made it."""

from collections.abc import Awaitable, Callable

import httpx

from remora.telemetry.metrics import Metrics

NO_ANSWER = "none"
"""Status label of a request that got no response."""

_Handle = Callable[[httpx.AsyncHTTPTransport, httpx.Request], Awaitable[httpx.Response]]


def count_requests(metrics: Metrics) -> Callable[[], None]:
    """Count httpx's asynchronous requests by host, first path segment, method and status.

    Return a function that stops counting.
    """
    original: _Handle = httpx.AsyncHTTPTransport.handle_async_request

    async def counting(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        labels = (request.url.host, "/" + request.url.path.split("/", 2)[1], request.method)
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
