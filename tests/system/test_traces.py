"""One trace per copied trade, sent to a backend over the wire and asked back from it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.place import Place, bench_place
from bench.trace_receiver import receiving
from remora.storage.positions import list_positions
from schemas.position import position_workflow_id
from starters.client import connect
from tests.fixtures.waiting import eventually

from .trace_backends import Backend, Receiver, SeenSpan, jaeger

pytestmark = pytest.mark.system

OURS = re.compile(r"remora(\.[a-z][a-z_]*)+")
STANDARD = {"http.request.method", "url.full", "server.address", "http.response.status_code"}
SECRET = re.compile(r"signature(?!_type)|passphrase|secret|[0-9a-f]{128}", re.IGNORECASE)


@asynccontextmanager
async def backend_of(kind: str, folder: Path) -> AsyncIterator[Backend]:
    """Run a backend: the protocol's own service, or a Jaeger."""
    if kind == "jaeger":
        async with jaeger(folder) as running:
            yield running
    else:
        receiver = Receiver()
        async with receiving(receiver):
            yield receiver


def variables(backend: Backend) -> dict[str, str]:
    """Return the standard variables that point a process at a backend."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": backend.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


async def copy_and_stop_out(place: Place) -> int:
    """Copy one trade, let its price fall through the stop; return how many events its history has."""
    whale, token = await place.trade()

    async def guarded() -> bool:
        rows = await list_positions(place.engine, place.account)
        return len(rows) == 1 and rows[0].stop_price is not None

    await eventually(guarded)
    await place.control.post("/quotes", json={"token_id": token, "bid": "0.30", "ask": "0.31"})

    async def gone() -> bool:
        return not await list_positions(place.engine, place.account)

    await eventually(gone)
    client = await connect(place.stack.temporal_address)
    handle = client.get_workflow_handle(position_workflow_id(place.account, whale, token))
    await handle.result()
    return len((await handle.fetch_history()).events)


def named(spans: list[SeenSpan], name: str, **attributes: str) -> list[SeenSpan]:
    """Return the spans of a name that carry these attributes, `__` standing for a dot."""
    wanted = {key.replace("__", "."): value for key, value in attributes.items()}
    return [s for s in spans if s.name == name and all(s.attributes.get(k) == v for k, v in wanted.items())]


def path_to_root(spans: list[SeenSpan], span: SeenSpan) -> list[str]:
    """Return the names from a span up to its root."""
    by_id = {(s.trace_id, s.span_id): s for s in spans}
    names = [span.name]
    while span.parent_id is not None:
        span = by_id[span.trace_id, span.parent_id]
        names.append(span.name)
    return names


def check_story(spans: list[SeenSpan]) -> None:
    """Detection, decision, order, fill and exit hang together; what came later links to them."""
    (detected,) = named(spans, "whale.traded")
    (decided,) = named(spans, "decide")
    (entry,) = named(spans, "submit order", remora__order__purpose="entry")
    (exit_order,) = named(spans, "submit order", remora__order__purpose="exit")
    (crossed,) = named(spans, "price.crossed")
    heard = [s for s in named(spans, "HandleSignal:price_crossed") if crossed.trace_id in dict(s.links)]
    fills = [s for s in named(spans, "settle order") if "order.filled" in s.events]
    posts = [s for s in named(spans, "POST") if str(s.attributes.get("url.full", "")).endswith("/order")]
    story = [decided, entry, exit_order, *heard, *fills, *posts]

    assert {span.trace_id for span in story} == {detected.trace_id}
    assert detected.kind == "consumer"
    assert decided.attributes["remora.decision.outcome"] == "copy"
    assert exit_order.attributes["remora.exit.reason"] == "stop_loss"
    assert {"entry", "exit"} == {span.attributes["remora.order.purpose"] for span in fills}
    assert {path_to_root(spans, post)[1] for post in posts} == {"submit order"}
    assert path_to_root(spans, entry)[1:3] == ["RunActivity:enter", "StartActivity:enter"]
    assert path_to_root(spans, exit_order)[1:3] == ["RunActivity:sell", "StartActivity:sell"]
    assert path_to_root(spans, exit_order)[-1] == "whale.traded"
    assert crossed.trace_id != detected.trace_id
    assert (detected.trace_id, detected.span_id) in crossed.links
    assert len(heard) == 1


def check_words(spans: list[SeenSpan], key: str) -> None:
    """Attributes carry our prefix or the convention's names; nothing carries a secret."""
    for span in spans:
        assert span.service == "remora-trading"
        for name, value in span.attributes.items():
            assert not name.startswith("remora") or OURS.fullmatch(name), name
            assert key.removeprefix("0x") not in str(value)
            assert SECRET.search(f"{name} {value}") is None, name
    (post, *_) = named(spans, "POST")
    assert set(post.attributes) >= STANDARD


@pytest.mark.parametrize("kind", ["receiver", "jaeger"])
async def test_one_trace_runs_from_detection_to_exit(kind: str, tmp_path: Path) -> None:
    async with backend_of(kind, tmp_path) as backend:
        async with bench_place(markets=1, whales=1, env=variables(backend)) as place:
            await copy_and_stop_out(place)
            key = place.stack.account_key
        spans = await backend.spans()

        check_story(spans)
        check_words(spans, key)
