"""Where tests send traces, and how they ask for them again."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import yaml

from bench.trace_receiver import TraceReceiver
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import eventually

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSpan:
    """A span as a backend tells it; `links` are (trace id, span id)."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    kind: str
    service: str
    attributes: dict[str, Any]
    events: tuple[str, ...] = ()
    links: frozenset[tuple[str, str]] = field(default_factory=frozenset)


class Backend(Protocol):
    """Somebody who takes OTLP over gRPC at `endpoint`."""

    @property
    def endpoint(self) -> str:
        """Return the address of the OTLP service."""

    async def spans(self) -> list[SeenSpan]:
        """Return every span received so far."""


class Receiver(TraceReceiver):
    """The OpenTelemetry protocol's own trace service, asked for what it was sent."""

    async def spans(self) -> list[SeenSpan]:
        """Return every span received so far."""
        return [
            _of_otlp(span, service=str(_plain(resource.resource.attributes).get("service.name")))
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def _plain(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in attributes}


def _of_otlp(span: Any, *, service: str) -> SeenSpan:
    return SeenSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        kind=KINDS[span.kind],
        service=service,
        attributes=_plain(span.attributes),
        events=tuple(event.name for event in span.events),
        links=frozenset((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


@dataclass(frozen=True, slots=True)
class Jaeger:
    """A real Jaeger, asked over its query API."""

    endpoint: str
    http: httpx.AsyncClient

    async def spans(self) -> list[SeenSpan]:
        """Return every span of every service."""
        services = (await self.http.get("/api/services")).raise_for_status().json()["data"] or []
        found = []
        for service in services:
            answer = await self.http.get("/api/traces", params={"service": service, "limit": 1000})
            for trace in answer.raise_for_status().json()["data"]:
                found += [_of_jaeger(span, trace["processes"]) for span in trace["spans"]]
        return list({(span.trace_id, span.span_id): span for span in found}.values())


def _of_jaeger(span: dict[str, Any], processes: dict[str, Any]) -> SeenSpan:
    parents = [ref["spanID"] for ref in span["references"] if ref["refType"] == "CHILD_OF"]
    tags = {tag["key"]: tag["value"] for tag in span["tags"]}
    names = [field["value"] for log in span["logs"] for field in log["fields"] if field["key"] == "event"]
    return SeenSpan(
        name=span["operationName"],
        trace_id=span["traceID"],
        span_id=span["spanID"],
        parent_id=parents[0] if parents else None,
        kind=str(tags.pop("span.kind", "internal")),
        service=processes[span["processID"]]["serviceName"],
        attributes=tags,
        events=tuple(names),
        links=frozenset(
            (ref["traceID"], ref["spanID"]) for ref in span["references"] if ref["refType"] == "FOLLOWS_FROM"
        ),
    )


def _jaeger_config(*, otlp: int, query: int, grpc_query: int) -> dict[str, Any]:
    local = "127.0.0.1"
    return {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query"],
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
        },
        "extensions": {
            "jaeger_query": {
                "storage": {"traces": "memory"},
                "http": {"endpoint": f"{local}:{query}"},
                "grpc": {"endpoint": f"{local}:{grpc_query}"},
            },
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 10_000}}}},
        },
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{local}:{otlp}"}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    }


@asynccontextmanager
async def jaeger(folder: Path) -> AsyncIterator[Jaeger]:
    """Run the Jaeger that REMORA_JAEGER names or that is on PATH; skip where there is none."""
    program = os.environ.get("REMORA_JAEGER") or shutil.which("jaeger")
    if program is None:
        pytest.skip("needs Jaeger 2: put its binary on PATH or into REMORA_JAEGER")
    otlp, query = free_port(), free_port()
    file = folder / "jaeger.yml"
    file.write_text(yaml.safe_dump(_jaeger_config(otlp=otlp, query=query, grpc_query=free_port())))
    server = await asyncio.create_subprocess_exec(program, "--config", str(file))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{query}", trust_env=False) as http:

            async def ready() -> bool:
                assert server.returncode is None, "jaeger has ended"
                try:
                    return (await http.get("/api/services")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(ready)
            yield Jaeger(f"http://127.0.0.1:{otlp}", http)
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
        await server.wait()
