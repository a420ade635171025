"""Nothing is exported unless a standard variable asks for it; context survives a message."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from remora.telemetry.tracing import Tracing, TracingError, carried, parent_of, start_tracing
from schemas.message import TraceContext


@pytest.mark.parametrize(
    "environ",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}],
)
def test_nothing_is_traced_by_default(environ: dict[str, str]) -> None:
    tracing = start_tracing("test", environ)

    assert tracing.provider is None
    assert tracing.interceptors() == []
    with tracing.tracer.start_as_current_span("x"):
        assert carried() == TraceContext()


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(TracingError, match="expected otlp, console or none, found 'zipkin'"):
        start_tracing("test", {"OTEL_TRACES_EXPORTER": "zipkin"})


def test_the_context_of_a_message_is_the_parent_of_the_next_span() -> None:
    tracer = Tracing(TracerProvider()).tracer
    with tracer.start_as_current_span("sender") as sender:
        message = carried()
    receiver = tracer.start_span("receiver", context=parent_of(message))

    assert message.traceparent.split("-")[1] == trace.format_trace_id(sender.get_span_context().trace_id)
    assert receiver.get_span_context().trace_id == sender.get_span_context().trace_id
