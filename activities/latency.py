"""How long a purchase took, stage by stage, for those who measure."""

from remora.domain.trades import Signal
from remora.storage.orders import OrderRow
from remora.telemetry.metrics import Metrics


def observe_latency(metrics: Metrics | None, order: OrderRow, signal: Signal) -> None:
    """Count an entry order just sent: seconds from the first byte of the whale's trade to each stage's end."""
    if metrics is None:
        return
    stages = {
        "decided": order.decided_at,
        "signed": order.signed_at,
        "sent": order.sent_at,
        "acked": order.acked_at,
    }
    for stage, at in stages.items():
        if at is not None:
            seconds = (at - signal.seen_at).total_seconds()
            metrics.latency.labels(stage, signal.source.value).observe(max(0.0, seconds))
