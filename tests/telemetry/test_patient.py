"""A receiver of traces that is away costs one warning, and what waits is bounded."""

import asyncio
import logging

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from structlog.testing import capture_logs

from remora.telemetry.patient import Patient
from tests.fixtures.ports import free_port


def away() -> OTLPSpanExporter:
    """Return an exporter whose receiver does not run."""
    return OTLPSpanExporter(endpoint=f"http://127.0.0.1:{free_port()}/v1/traces", timeout=1)


def test_an_outage_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Patient(away())))
    with capture_logs() as logs, caplog.at_level(logging.WARNING):
        for _ in range(3):
            with provider.get_tracer("test").start_as_current_span("x"):
                pass
    provider.shutdown()

    assert [entry["event"] for entry in logs] == ["traces.unavailable"]
    assert caplog.records == []


async def test_what_waits_is_bounded_and_nobody_waits_for_it() -> None:
    processor = BatchSpanProcessor(Patient(away()), max_queue_size=64, max_export_batch_size=32)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    with capture_logs() as logs:
        for _ in range(10_000):
            with tracer.start_as_current_span("x"):
                pass
        await asyncio.to_thread(provider.shutdown)

    assert [entry["event"] for entry in logs] == ["traces.unavailable"]
    assert len(processor._batch_processor._queue) <= 64
