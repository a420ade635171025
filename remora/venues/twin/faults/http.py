"""Replies that come late, torn, wrong or not at all."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from remora.venues.twin.faults.switchboard import Fault, FaultKind, Switchboard

REPLIES: dict[FaultKind, tuple[int, dict[str, Any]]] = {
    FaultKind.RESTARTING: (425, {"error": "service is restarting"}),
    FaultKind.RATE_LIMITED: (429, {"error": "too many requests"}),
    FaultKind.SERVER_ERROR: (500, {"error": "could not insert order"}),
    FaultKind.TRADING_DISABLED: (503, {"error": "trading is currently disabled"}),
    FaultKind.CANCEL_ONLY: (503, {"error": "trading is currently cancel-only"}),
    FaultKind.POST_ONLY: (503, {"error": "post-only mode", "code": "post_only_mode"}),
}
"""Refusals before anything was done, in the venue's words."""

AFTER = (FaultKind.TIMEOUT_AFTER_ACCEPT, FaultKind.CUT_MID_REPLY, FaultKind.ERROR_AFTER_ACCEPT)
ORDERS_ONLY = (FaultKind.TIMEOUT_BEFORE_ACCEPT, *AFTER, *REPLIES)
HANG_SECONDS = 10.0
"""A client that waits longer than this has no time limit; then the connection is dropped."""

STALE_MAX = 1000
"""Answers of the Data API that are remembered."""


class FaultyHttp:
    """Wraps one service. Orders meet every kind of fault; other requests only refusals with ``on="any"``.

    With ``on="lookups"`` a refusal strikes only what an account reads about its own orders and trades. With a
    service's name (``on="rpc"``, ``on="relayer"``) every kind strikes that service's requests, and nothing else.
    """

    def __init__(self, app: ASGIApp, board: Switchboard, service: str) -> None:
        self._app = app
        self._board = board
        self._service = service
        self._remembered: dict[tuple[str, bytes], list[tuple[float, list[Message]]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, perhaps badly."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._board.requests[f"{self._service} {scope['method']} {scope['path']}"] += 1
        if self._service == "data":
            await self._perhaps_stale(scope, receive, send)
            return
        fault = self._fault(scope)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind in AFTER:
            await self._after(fault, scope, receive, send)
        elif fault.kind is FaultKind.TIMEOUT_BEFORE_ACCEPT:
            await _hang(receive)
        else:
            await _reply(send, fault)

    def _fault(self, scope: Scope) -> Fault | None:
        if scope["method"] == "POST" and scope["path"] in ("/order", "/orders"):
            return self._board.first(ORDERS_ONLY, "orders")
        struck = ("any", "lookups") if scope["path"].startswith("/data/") else ("any",)
        for on in (*struck, self._service):
            kinds = ORDERS_ONLY if on == self._service else tuple(REPLIES)
            armed = [kind for kind in kinds if (fault := self._board.armed.get(kind)) and fault.on == on]
            fault = self._board.first(armed, on)
            if fault is not None:
                return fault
        return None

    async def _after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []
        await self._app(scope, receive, _keeper(answer))
        if fault.kind is FaultKind.TIMEOUT_AFTER_ACCEPT:
            await _hang(receive)
        elif fault.kind is FaultKind.ERROR_AFTER_ACCEPT:
            await _write(send, 500, {"error": "internal error"}, {})
        else:
            await send(answer[0])
            body = bytes(answer[1]["body"])
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            # returning without the rest makes the server cut the connection

    async def _perhaps_stale(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an older page of the same address; what a client adds to be fresh does not help it."""
        query = b"&".join(part for part in scope["query_string"].split(b"&") if not part.startswith(b"_="))
        pages = self._remembered.setdefault((scope["path"], query), [])
        now = time.monotonic()
        fault = self._board.strikes(FaultKind.DATA_STALE, "data") if pages else None
        if fault is not None:
            young = [page for at, page in pages if now - at <= fault.seconds] or [pages[-1][1]]
            for message in young[0]:
                await send(message)
            return
        answer: list[Message] = []
        await self._app(scope, receive, _keeper(answer))
        if FaultKind.DATA_STALE in self._board.armed or not pages:
            pages.append((now, answer))
            del pages[:-20]
        while len(self._remembered) > STALE_MAX:
            del self._remembered[next(iter(self._remembered))]
        for message in answer:
            await send(message)


def _keeper(answer: list[Message]) -> Callable[[Message], Any]:
    async def keep(message: Message) -> None:
        answer.append(message)

    return keep


async def _hang(receive: Receive) -> None:
    """Wait until the client gives up."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            continue

    try:
        async with asyncio.timeout(HANG_SECONDS):
            await gone()
    except TimeoutError:
        return


async def _reply(send: Send, fault: Fault) -> None:
    status, body = REPLIES[fault.kind]
    headers = {}
    if fault.kind is FaultKind.RATE_LIMITED:
        headers["retry-after"] = str(max(1, round(fault.seconds)))
    if fault.kind is FaultKind.POST_ONLY:
        body = {**body, "retry_after_seconds": fault.seconds}
    await _write(send, status, body, headers)


async def _write(send: Send, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
    content = json.dumps(body).encode()
    shown = {"content-type": "application/json", "content-length": str(len(content)), **headers}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in shown.items()],
        }
    )
    await send({"type": "http.response.body", "body": content})
