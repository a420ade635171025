"""OpenTelemetry traces, set up by the standard ``OTEL_*`` variables and by nothing else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from temporalio.contrib.opentelemetry import TracingInterceptor

from remora.settings import SettingsError
from remora.telemetry.logs import REDACTOR
from remora.telemetry.patient import Patient
from schemas.message import TraceContext

SCOPE = "remora"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
URL_ATTRIBUTES = ("url.full", "http.url")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class TracingError(SettingsError):
    """An ``OTEL_*`` variable cannot be used; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Tracing:
    """One process's tracing; without a provider everything in it does nothing."""

    provider: TracerProvider | None

    @property
    def tracer(self) -> trace.Tracer:
        """Return the tracer for our own spans."""
        return trace.NoOpTracer() if self.provider is None else self.provider.get_tracer(SCOPE)

    def interceptors(self) -> list[TracingInterceptor]:
        """Return what ``Client.connect(interceptors=...)`` needs; workers inherit it from their client."""
        return [] if self.provider is None else [TracingInterceptor(self.tracer)]

    def instrument_httpx(self) -> None:
        """Give every httpx request of this process a span and a ``traceparent`` header."""
        if self.provider is not None:
            # the stable HTTP conventions; without this the library still writes the old names
            os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
            HTTPXClientInstrumentor().instrument(
                tracer_provider=self.provider, request_hook=_hide_keys, async_request_hook=_hide_keys_soon
            )

    def shutdown(self) -> None:
        """Export what is left and stop."""
        if self.provider is not None:
            self.provider.shutdown()


def start_tracing(service: str, environ: Mapping[str, str] = os.environ) -> Tracing:
    """Return the process's tracing and make it the global one.

    Nothing is traced unless ``OTEL_TRACES_EXPORTER`` names an exporter or an OTLP endpoint is set. Raises
    TracingError for an exporter or protocol that is not known.
    """
    exporters = [_exporter(name, environ) for name in _exporter_names(environ)]
    if not exporters:
        return Tracing(None)
    resource = Resource.create({} if environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service})
    provider = TracerProvider(resource=resource)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(Patient(exporter)))
    trace.set_tracer_provider(provider)
    return Tracing(provider)


def carried() -> TraceContext:
    """Return the current span's W3C context for a message; empty when nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return TraceContext(traceparent=carrier.get("traceparent", ""), tracestate=carrier.get("tracestate", ""))


def parent_of(carried_trace: TraceContext) -> Context:
    """Return the context to pass to ``start_span(context=...)``; an empty trace gives a new root."""
    if not carried_trace.traceparent:
        return Context()
    return propagate.extract(carried_trace.model_dump(), context=Context())


def link_to(traceparent: str) -> list[trace.Link]:
    """Return a link to the span that a W3C context names; nothing for an empty or broken one."""
    context = propagate.extract({"traceparent": traceparent}, context=Context())
    found = trace.get_current_span(context).get_span_context()
    return [trace.Link(found)] if found.is_valid else []


def _hide_keys(span: trace.Span, _request: RequestInfo) -> None:
    """Take known secrets out of a span's address: a node's may carry its provider's key."""
    if not isinstance(span, ReadableSpan):
        return
    for name in URL_ATTRIBUTES:
        address = (span.attributes or {}).get(name)
        if isinstance(address, str):
            span.set_attribute(name, REDACTOR.text(address))


async def _hide_keys_soon(span: trace.Span, request: RequestInfo) -> None:
    _hide_keys(span, request)


def _exporter_names(environ: Mapping[str, str]) -> list[str]:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    if not named:
        return ["otlp"] if any(environ.get(name) for name in ENDPOINTS) else []
    return [name for part in named.split(",") if (name := part.strip()) not in ("", "none")]


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    if name == "console":
        return ConsoleSpanExporter()
    if name != "otlp":
        raise TracingError(f"OTEL_TRACES_EXPORTER: expected otlp, console or none, found {name!r}; change it")
    protocol = next((value for key in PROTOCOLS if (value := environ.get(key, "").strip())), "http/protobuf")
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp

        return OverHttp()
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc

        return OverGrpc()
    raise TracingError(
        f"OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf or grpc, found {protocol!r}; change it"
    )
