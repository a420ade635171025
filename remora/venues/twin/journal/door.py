"""The door of a service: a request that changes something is one step, from its last byte to its whole answer."""

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remora.venues.twin.journal.steps import Steps

KEPT_HEADERS = (b"poly", b"relayer_api_key", b"idempotency-key", b"content-type")
"""Beginnings of the names of the headers that a handler reads."""

LOSSLESS = "latin-1"
"""Bodies are bytes: every byte has a character of its own here."""

Changes = Callable[[str, str], bool]
"""Whether a request, by method and path, may change the twin."""

_CLOB = {
    "POST": {"/auth/api-key", "/order", "/orders", "/v1/heartbeats"},
    "DELETE": {"/auth/api-key", "/order", "/orders", "/cancel-all", "/cancel-market-orders"},
}
_PASSING = ("/faults", "/chain/faults", "/chain/disconnect")
"""Of the control API: faults belong to the process, and end with it."""


def clob_changes(method: str, path: str) -> bool:
    """Tell which requests to the CLOB are steps."""
    return path in _CLOB.get(method, ())


def relayer_changes(method: str, _path: str) -> bool:
    """Tell which requests to the relayer are steps."""
    return method == "POST"


def control_changes(method: str, path: str) -> bool:
    """Tell which requests to the control API are steps."""
    return method == "POST" and not path.startswith(_PASSING)


class Door:
    """Stands before one service."""

    def __init__(self, app: ASGIApp, steps: Steps, service: str, changes: Changes) -> None:
        self._app = app
        self._steps = steps
        self._kind = f"{service} request"
        self._changes = changes
        steps.on(self._kind, self._answer, _told)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request."""
        if scope["type"] != "http" or not self._changes(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        if body is None:
            return
        for message in self._steps.do(self._kind, _request(scope, body)):
            await send(message)

    def _answer(self, request: dict[str, Any]) -> list[Message]:
        answer: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": request["body"].encode(LOSSLESS), "more_body": False}

        async def send(message: Message) -> None:
            answer.append(message)

        at_once(self._app(_scope(request), receive, send))
        return answer


def at_once(waiting: Awaitable[None]) -> None:
    """Run something awaitable to its end without giving way to anybody; raise RuntimeError if it waits."""
    steps = waiting.__await__()
    for _ in steps:
        raise RuntimeError("a step must not wait for anything")


async def _whole(receive: Receive) -> bytes | None:
    """Return a request's body, None when its client left before the end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _request(scope: Scope, body: bytes) -> dict[str, Any]:
    kept = [(name, value) for name, value in scope["headers"] if name.lower().startswith(KEPT_HEADERS)]
    request: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"],
        "headers": [[name.decode(LOSSLESS), value.decode(LOSSLESS)] for name, value in kept],
        "body": body.decode(LOSSLESS),
    }
    if scope["query_string"]:
        request["query"] = scope["query_string"].decode(LOSSLESS)
    return request


def _scope(request: dict[str, Any]) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": request["method"],
        "path": request["path"],
        "root_path": "",
        "query_string": request.get("query", "").encode(LOSSLESS),
        "headers": [(name.encode(LOSSLESS), value.encode(LOSSLESS)) for name, value in request["headers"]],
        "server": ("twin", 80),
    }


def _told(answer: list[Message]) -> list[int]:
    """Return a status and the checksum of a body."""
    body = b"".join(message.get("body", b"") for message in answer)
    status = next((message["status"] for message in answer if message["type"] == "http.response.start"), 0)
    return [status, zlib.crc32(body)]
