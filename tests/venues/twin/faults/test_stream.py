"""Frames of a websocket under each fault."""

import json

import pytest

from remora.venues.twin.faults.stream import FaultyStream
from remora.venues.twin.faults.switchboard import Fault, FaultKind, Switchboard
from tests.fixtures.waiting import eventually


def sent(kind: FaultKind | None, *, channel: str = "user", **options: object) -> tuple[FaultyStream, list[str]]:
    board = Switchboard()
    out: list[str] = []
    if kind is not None:
        board.arm(Fault(kind=kind, **options))  # type: ignore[arg-type]
    stream = FaultyStream(board, channel, out.append)
    return stream, out


async def arrived(out: list[str], count: int) -> None:
    async def enough() -> bool:
        return len(out) >= count

    await eventually(enough, f"{count} frames", patience_s=30)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (None, ["a", "b", "c"]),
        (FaultKind.WS_DUPLICATE, ["a", "a", "b", "c"]),
        (FaultKind.WS_DROP, ["b", "c"]),
        (FaultKind.WS_REORDER, ["b", "a", "c"]),
        (FaultKind.WS_SILENT, []),
    ],
)
async def test_frames_arrive_as_the_fault_has_it(kind: FaultKind | None, expected: list[str]) -> None:
    stream, out = sent(kind, left=1, seconds=60.0)
    for frame in "abc":
        stream.send(frame)

    assert out == expected


async def test_a_delayed_frame_comes_after_its_successors() -> None:
    stream, out = sent(FaultKind.WS_DELAY, left=1, seconds=0.01)
    stream.send("a")
    stream.send("b")
    await arrived(out, 2)

    assert out == ["b", "a"]


async def test_a_frame_held_back_goes_out_without_a_successor() -> None:
    stream, out = sent(FaultKind.WS_REORDER, left=1)
    stream.send("a")
    assert out == []
    await arrived(out, 1)

    assert out == ["a"]


async def test_a_fault_on_another_channel_does_not_strike() -> None:
    stream, out = sent(FaultKind.WS_DROP, channel="user", on="rtds")
    stream.send("a")

    assert out == ["a"]


async def test_a_message_gains_or_loses_one_field_and_a_pong_stays_a_pong() -> None:
    message = {"topic": "activity", "payload": {"size": 1, "price": 0.5}}
    log = {"method": "eth_subscription", "params": {"subscription": "0x1", "result": {"data": "0x", "topics": []}}}
    more, gained = sent(FaultKind.WS_NEW_FIELD)
    less, lost = sent(FaultKind.WS_MISSING_FIELD)
    for stream in (more, less):
        for frame in (json.dumps(message), json.dumps(log), "PONG"):
            stream.send(frame)

    def fields(frames: list[str]) -> list[int]:
        first, second = json.loads(frames[0]), json.loads(frames[1])
        return [len(first["payload"]), len(second["params"]["result"])]

    assert (fields(gained), fields(lost)) == ([3, 3], [1, 1])
    assert gained[2] == lost[2] == "PONG"
