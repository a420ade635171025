"""The door of the signed half: whose request is this?"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from remora.venues.twin.auth.keys import Credentials, Unauthorised
from remora.venues.twin.clob.state import ClobState
from remora.venues.twin.json_answer import error

Handler = Callable[[Request, Credentials], Awaitable[Response]]


def signed(state: ClobState, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that calls `handler` with the credentials behind a request's L2 headers, or answers 401."""

    async def checked(request: Request) -> Response:
        request.state.received_at = state.wall()
        try:
            who = state.keys.check_request(
                poly_headers(request),
                method=request.method,
                path=request.url.path,
                body=await request.body(),
                now=state.wall(),
            )
        except Unauthorised as problem:
            return error(401, str(problem))
        return await handler(request, who)

    return checked


def poly_headers(request: Request) -> dict[str, str]:
    """Return the venue's own headers, names in lower case."""
    return {name.lower(): value for name, value in request.headers.items() if name.lower().startswith("poly")}
