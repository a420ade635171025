"""Exporting traces to a receiver that may be away."""

import logging
from collections.abc import Sequence

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = structlog.get_logger(__name__)

CHATTY = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal")
"""Loggers that report every batch lost."""


class Patient(SpanExporter):
    """Says once that the receiver is away and once that it is back.

    What cannot be sent is dropped; what waits is bounded by OTEL_BSP_MAX_QUEUE_SIZE (2048 spans).
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._away = False
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        try:
            result, cause = self._exporter.export(spans), "refused or unreachable"
        except Exception as error:  # noqa: BLE001 whatever the receiver does, the process goes on
            result, cause = SpanExportResult.FAILURE, f"{type(error).__name__}: {error}"
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            log.warning("traces.unavailable", cause=cause)
        elif self._away and not away:
            log.info("traces.available")
        self._away = away
        return result

    def shutdown(self) -> None:
        """Stop."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return self._exporter.force_flush(timeout_millis)
