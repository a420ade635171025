"""The RPC node on the network: HTTP with batches, and websockets with subscriptions, on one address."""

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from remora.venues.twin.chain import wire
from remora.venues.twin.chain.blocks import Block, ChainEvent
from remora.venues.twin.chain.filters import LogFilter, RpcError, invalid
from remora.venues.twin.chain.rpc import Rpc, error_body
from remora.venues.twin.faults.stream import FaultyStream
from remora.venues.twin.faults.switchboard import Switchboard
from remora.venues.twin.json_answer import Answer, NotJson, parse_json

BATCH_MAX = 100
QUEUE_MAX = 50_000
"""Messages that may wait for one slow subscriber before it is disconnected."""


@dataclass(slots=True, eq=False)
class _Subscriber:
    faults: Switchboard
    outbox: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    heads: set[str] = field(default_factory=set)
    logs: dict[str, LogFilter] = field(default_factory=dict)
    overrun: bool = False
    stream: FaultyStream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = FaultyStream(self.faults, "chain", self.put)

    def put(self, text: str) -> None:
        """Queue a message; a subscriber that reads too slowly is given up."""
        try:
            self.outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.overrun = True


class RpcApp:
    """Serves one node."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._subscribers: set[_Subscriber] = set()
        self._names = itertools.count(1)
        self._telling: set[asyncio.Task[None]] = set()
        self._pending: list[Block] = []
        rpc.chain.listeners.append(self._heard)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        anywhere = "/{path:path}"  # providers put a customer's key into the path
        return Starlette(
            routes=[Route(anywhere, self._http, methods=["POST"]), WebSocketRoute(anywhere, self._serve)]
        )

    def disconnect_all(self) -> int:
        """Drop every subscriber's connection; return how many there were."""
        count = len(self._subscribers)
        for subscriber in self._subscribers:
            subscriber.overrun = True
            subscriber.put("")
        return count

    async def _http(self, request: Request) -> Response:
        refused = self._rpc.faults.refuse
        if refused:
            return Answer({"error": "rate limited" if refused == 429 else "unavailable"}, status_code=refused)
        return Answer(self._answer(await request.body()))

    def _answer(self, body: bytes) -> Any:
        try:
            parsed = parse_json(body)
        except NotJson:
            return error_body(None, RpcError(-32700, "parse error"))
        if not isinstance(parsed, list):
            return self._rpc.answer(parsed)
        if not 1 <= len(parsed) <= BATCH_MAX:
            return error_body(None, RpcError(-32600, f"a batch holds 1 to {BATCH_MAX} calls"))
        return [self._rpc.answer(call) for call in parsed]

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        subscriber = _Subscriber(self._rpc.faults.board)
        self._subscribers.add(subscriber)
        sender = asyncio.create_task(_drain(subscriber, socket))
        try:
            while not subscriber.overrun:
                frame = await _receive(socket, sender)
                if frame is None:
                    break
                subscriber.put(json.dumps(self._said(subscriber, frame), separators=(",", ":")))
        finally:
            self._subscribers.discard(subscriber)
            sender.cancel()

    def _said(self, subscriber: _Subscriber, frame: bytes) -> Any:
        try:
            call = parse_json(frame)
        except NotJson:
            return error_body(None, RpcError(-32700, "parse error"))
        method = call.get("method") if isinstance(call, Mapping) else None
        if method not in ("eth_subscribe", "eth_unsubscribe"):
            return self._answer(frame)
        try:
            params = call.get("params")
            result = (self._subscribe if method == "eth_subscribe" else _unsubscribe)(subscriber, params)
        except RpcError as error:
            return error_body(call.get("id"), error)
        return {"jsonrpc": "2.0", "id": call.get("id"), "result": result}

    def _subscribe(self, subscriber: _Subscriber, params: object) -> str:
        if not isinstance(params, list) or not params:
            raise invalid("missing subscription name")
        name = f"0x{next(self._names):032x}"
        if params[0] == "newHeads":
            subscriber.heads.add(name)
        elif params[0] == "logs":
            subscriber.logs[name] = LogFilter.parse(params[1] if len(params) > 1 else {})
        else:
            raise RpcError(-32601, f'no "{params[0]}" subscription in eth namespace')
        return name

    def _heard(self, event: ChainEvent) -> None:
        """Push what a block brings, once the node admits the block; a retracted block that waited never was."""
        retracted = {log["blockHash"] for log in event.removed}
        if retracted:
            shown = retracted - {block.hash for block in self._pending}
            self._push([log for log in event.removed if log["blockHash"] in shown])
        self._pending = [block for block in self._pending if self._rpc.chain.block(block.number) is block]
        if event.block is not None:
            self._pending.append(event.block)
        while self._pending and self._pending[0].number <= self._rpc.head_number:
            block = self._pending.pop(0)
            self._push_head(block)
            self._push(block.logs)

    def _push_head(self, block: Block) -> None:
        if self._rpc.faults.mute:
            return
        head = wire.header(block)
        for subscriber in self._subscribers:
            for name in subscriber.heads:
                subscriber.stream.send(_notification(name, head))

    def _push(self, logs: list[dict[str, Any]]) -> None:
        """Push logs to whoever asked for them, at once unless a fault holds them up."""
        if not logs or self._rpc.faults.mute:
            return
        for subscriber in list(self._subscribers):
            for name, wanted in subscriber.logs.items():
                mine = [log for log in logs if wanted.passes(log)]
                if mine:
                    task = asyncio.ensure_future(self._tell(subscriber, name, mine))
                    self._telling.add(task)
                    task.add_done_callback(self._telling.discard)

    async def _tell(self, subscriber: _Subscriber, name: str, logs: list[dict[str, Any]]) -> None:
        for log in await self._rpc.faults.pushed(logs):
            subscriber.stream.send(_notification(name, log))


def _unsubscribe(subscriber: _Subscriber, params: object) -> bool:
    name = params[0] if isinstance(params, list) and params else None
    known = name in subscriber.heads or name in subscriber.logs
    subscriber.heads.discard(str(name))
    subscriber.logs.pop(str(name), None)
    return known


def _notification(name: str, result: dict[str, Any]) -> str:
    message = {
        "jsonrpc": "2.0",
        "method": "eth_subscription",
        "params": {"subscription": name, "result": result},
    }
    return json.dumps(message, separators=(",", ":"))


async def _drain(subscriber: _Subscriber, socket: WebSocket) -> None:
    while True:
        text = await subscriber.outbox.get()
        if subscriber.overrun:
            await socket.close(1011)
            return
        await socket.send_text(text)


async def _receive(socket: WebSocket, sender: "asyncio.Task[None]") -> bytes | None:
    """Return the next frame, text or binary, None when the connection is over."""
    reading = asyncio.ensure_future(socket.receive())
    await asyncio.wait([reading, sender], return_when=asyncio.FIRST_COMPLETED)
    if not reading.done():
        reading.cancel()
        return None
    message = reading.result()
    if message["type"] != "websocket.receive":
        return None
    text = message.get("text")
    return text.encode() if text is not None else message.get("bytes") or b""
