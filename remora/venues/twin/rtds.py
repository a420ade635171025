"""The legacy real-time stream: every fill with its wallet, undocumented, unfiltered, silent when unattended."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from remora.venues.twin.faults.stream import FaultyStream
from remora.venues.twin.faults.switchboard import Switchboard

TOPIC = "activity"
TYPES = frozenset({"trades", "orders_matched"})
QUEUE_MAX = 20_000
"""Messages that may wait for one slow client before it is disconnected."""

SILENT_AFTER = 360.0
"""Wall seconds without a PING after which a connection gets no more data, as measured on the venue."""


@dataclass(slots=True, eq=False)
class _Client:
    connection_id: str
    faults: Switchboard
    pinged_at: float
    topics: dict[str, frozenset[str]] = field(default_factory=dict)
    outbox: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    overrun: bool = False
    stream: FaultyStream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = FaultyStream(self.faults, "rtds", self._put)

    def _put(self, text: str) -> None:
        try:
            self.outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.overrun = True


class RtdsHub:
    """Connections of the stream; `publish` costs one serialisation per message type, however many listen."""

    def __init__(
        self, *, lag: float = 0.0, silent_after: float = SILENT_AFTER, faults: Switchboard | None = None
    ) -> None:
        self._faults = faults or Switchboard()
        self._lag = lag
        self._silent_after = silent_after
        self._clients: set[_Client] = set()
        self._opened = 0
        self.sent = 0

    def app(self) -> Starlette:
        """Return the ASGI application; any path connects, as on the venue."""
        return Starlette(routes=[WebSocketRoute("/", self._serve), WebSocketRoute("/{path:path}", self._serve)])

    def publish(self, kinds: tuple[str, ...], payload: Callable[[], dict[str, Any]], timestamp_ms: int) -> None:
        """Send a payload under each of `kinds`, after the configured lag; `payload` is built only if needed."""
        if not self._clients:
            return
        if self._lag > 0:
            asyncio.get_running_loop().call_later(self._lag, self._fan_out, kinds, payload(), timestamp_ms)
        else:
            self._fan_out(kinds, payload(), timestamp_ms)

    def _fan_out(self, kinds: tuple[str, ...], payload: dict[str, Any], timestamp_ms: int) -> None:
        now = asyncio.get_running_loop().time()
        for kind in kinds:
            text: str | None = None
            for client in self._clients:
                if kind not in client.topics or now - client.pinged_at > self._silent_after:
                    continue
                if not _passes(client.topics[kind], payload):
                    continue
                if text is None:
                    message = {"topic": TOPIC, "type": kind, "timestamp": timestamp_ms, "payload": payload}
                    text = json.dumps(message, separators=(",", ":"))
                self._put(client, text)

    def _put(self, client: _Client, text: str) -> None:
        client.stream.send(text)
        self.sent += 1

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept()
        self._opened += 1
        loop = asyncio.get_running_loop()
        client = _Client(connection_id=f"twin-{self._opened}", faults=self._faults, pinged_at=loop.time())
        self._clients.add(client)
        sender = asyncio.create_task(_drain(client, socket))
        try:
            while not client.overrun:
                text = await socket.receive_text()
                client.pinged_at = loop.time() if text.upper() == "PING" else client.pinged_at
                reply = _answer(client, text)
                if reply is not None:
                    client.stream.send(reply)
        except (WebSocketDisconnect, asyncio.QueueFull, KeyError, RuntimeError):
            pass  # the client left, sent binary, or reads too slowly: in each case the connection is over
        finally:
            self._clients.discard(client)
            sender.cancel()


async def _drain(client: _Client, socket: WebSocket) -> None:
    while True:
        await socket.send_text(await client.outbox.get())


def _answer(client: _Client, text: str) -> str | None:
    """Apply a client's frame; return what to say. Without an `action` the venue accepts and stays silent."""
    if text.upper() == "PING":
        return "PONG"
    try:
        frame = json.loads(text)
    except ValueError:
        return json.dumps({"message": "Invalid request body", "connectionId": client.connection_id})
    if not isinstance(frame, dict) or frame.get("action") not in ("subscribe", "unsubscribe"):
        return None
    subscriptions = frame.get("subscriptions")
    for entry in subscriptions if isinstance(subscriptions, list) else []:
        _apply(client, entry, subscribe=frame["action"] == "subscribe")
    return None


def _apply(client: _Client, entry: object, *, subscribe: bool) -> None:
    if not isinstance(entry, dict) or entry.get("topic") != TOPIC:
        return
    wanted = TYPES if entry.get("type") == "*" else TYPES & {str(entry.get("type"))}
    for kind in wanted:
        if subscribe:
            client.topics[kind] = _filters(entry.get("filters"))
        else:
            client.topics.pop(kind, None)


def _filters(raw: object) -> frozenset[str]:
    """Return the event and market slugs of a JSON-string filter; empty means everything."""
    if not isinstance(raw, str) or not raw:
        return frozenset()
    try:
        parsed = json.loads(raw)
    except ValueError:
        return frozenset()
    if not isinstance(parsed, dict):
        return frozenset()
    return frozenset(str(parsed[name]) for name in ("event_slug", "market_slug") if name in parsed)


def _passes(filters: frozenset[str], payload: dict[str, Any]) -> bool:
    return not filters or payload["eventSlug"] in filters or payload["slug"] in filters
