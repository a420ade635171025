"""Websocket frames that come twice, late, in the wrong order, or not at all."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any

from remora.venues.twin.faults.switchboard import FaultKind, Switchboard

HELD_SECONDS = 0.5
"""A frame held back for its successor goes out after this long when none comes."""


class FaultyStream:
    """Stands between whoever has a frame for one connection and that connection's queue."""

    def __init__(self, board: Switchboard, channel: str, put: Callable[[str], None]) -> None:
        self._board = board
        self._channel = channel
        self._put = put
        self._silent_until = 0.0
        self._held: str | None = None

    def send(self, frame: str) -> None:
        """Pass a frame on, as the faults in force let it."""
        if not self._board.armed and self._held is None and not self._silent_until:
            self._put(frame)
            return
        loop, board, channel = asyncio.get_running_loop(), self._board, self._channel
        silence = board.strikes(FaultKind.WS_SILENT, channel)
        if silence is not None:
            self._silent_until = loop.time() + silence.seconds
        if loop.time() < self._silent_until or board.strikes(FaultKind.WS_DROP, channel):
            return
        frame = self._reshaped(frame)
        if (delay := board.strikes(FaultKind.WS_DELAY, channel)) is not None:
            loop.call_later(delay.seconds, self._put, frame)
            return
        if self._held is None and board.strikes(FaultKind.WS_REORDER, channel):
            self._held = frame
            loop.call_later(HELD_SECONDS, self._let_go)
            return
        self._put(frame)
        if board.strikes(FaultKind.WS_DUPLICATE, channel):
            self._put(frame)
        self._let_go()

    def _reshaped(self, frame: str) -> str:
        """Return a frame with a field more or less than documented; what is no JSON object stays as it is."""
        board, channel = self._board, self._channel
        for kind, change in ((FaultKind.WS_NEW_FIELD, _with_more), (FaultKind.WS_MISSING_FIELD, _with_less)):
            if kind not in board.armed or not frame.startswith("{") or board.strikes(kind, channel) is None:
                continue
            message = json.loads(frame)
            change(_facts(message), board.stream(kind))
            frame = json.dumps(message, separators=(",", ":"))
        return frame

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._put(held)


def _facts(message: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a message that tells something: the stream and the node wrap it."""
    params = message.get("params")
    for inner in (message.get("payload"), params.get("result") if isinstance(params, dict) else None):
        if isinstance(inner, dict) and inner:
            return inner
    return message


def _with_more(fields: dict[str, Any], random: Random) -> None:
    fields[f"field{random.randrange(1000)}"] = random.choice([None, 7, "text", [], {"deep": [1]}])


def _with_less(fields: dict[str, Any], random: Random) -> None:
    del fields[random.choice(sorted(fields))]
