"""The OpenTelemetry protocol's own trace service, which keeps what it is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


class TraceReceiver(TraceServiceServicer):
    """Takes batches at `endpoint`."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.requests: list[ExportTraceServiceRequest] = []

    async def Export(  # noqa: N802 the protocol's name
        self, request: ExportTraceServiceRequest, context: Any
    ) -> ExportTraceServiceResponse:
        """Take a batch."""
        self.requests.append(request)
        return ExportTraceServiceResponse()


@asynccontextmanager
async def receiving(receiver: TraceReceiver) -> AsyncIterator[TraceReceiver]:
    """Serve a receiver on a free port while the block runs."""
    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(grace=None)
