"""What Prometheus may ask a process; the names are part of the product."""

import functools
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from remora.telemetry.portfolio import Portfolio

LATENCY_BUCKETS = (
    *(0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05),
    *(0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0),
)
"""Seconds; dense where the aims lie: 25 ms and 100 ms."""

FEEDS = ("rtds", "chain", "market", "user")
LAG_BUCKETS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds; the venue dates fills to the second, and its streams lag by two."""


SOURCE_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 20.0, 60.0, 300.0)
"""Seconds; a source is seconds behind a trade, and may be minutes behind when it is cached."""


class Metrics:
    """Every instrument of a process.

    `latency` is cumulative: seconds from the first byte of a whale's trade to the end of a stage.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.portfolio = Portfolio()
        registry.register(self.portfolio)
        self.api_requests = Counter(
            "api_requests_total",
            "HTTP requests to a venue.",
            ["host", "path", "method", "status"],
            registry=registry,
        )
        self.websocket_events = Counter(
            "websocket_events_total", "Messages of the venue's streams.", ["feed", "event"], registry=registry
        )
        self.latency = Histogram(
            "trading_detection_to_order_seconds",
            "Seconds from the first byte of a whale's trade to the end of a stage.",
            ["stage", "source"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.trades = Counter(
            "watcher_trades_total", "Trades of whales by what became of them.", ["fate"], registry=registry
        )
        self.waiting = Gauge("watcher_deliveries_waiting", "Deliveries not yet made.", ["kind"], registry=registry)
        self.retries = Counter(
            "watcher_delivery_retries_total", "Deliveries tried again.", ["kind"], registry=registry
        )
        self.undelivered = Counter(
            "watcher_deliveries_refused_total", "Deliveries given up as refused.", ["kind"], registry=registry
        )
        self.feed_silence = Gauge(
            "watcher_feed_silence_seconds", "Since a stream last said anything.", ["feed"], registry=registry
        )
        self.feed_gaps = Counter(
            "watcher_feed_gaps_total", "Times that a stream was interrupted.", ["feed"], registry=registry
        )
        self.malformed = Counter(
            "watcher_feed_malformed_total",
            "Messages of a feed that could not be read.",
            ["feed", "reason"],
            registry=registry,
        )
        self.feed_lag = Histogram(
            "watcher_feed_lag_seconds",
            "Seconds from a whale's fill, as the venue dates it, to the first byte here.",
            ["source"],
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        for feed in FEEDS:  # a rate of nothing is no series; a rate of zero is one
            self.feed_gaps.labels(feed)
        self.restarts = Counter(
            "watcher_loop_restarts_total",
            "Loops of the watcher that failed and began again.",
            ["loop"],
            registry=registry,
        )
        self._detection(registry)

    def _detection(self, registry: CollectorRegistry) -> None:
        """Make the instruments about who told of a whale's trade, and how late."""
        self.source_behind = Histogram(
            "detection_source_behind_seconds",
            "Seconds by which a source told of a trade later than the first source.",
            ["source"],
            buckets=SOURCE_BUCKETS,
            registry=registry,
        )
        self.source_missed = Counter(
            "detection_source_missed_total",
            "Trades that a source did not tell of in time, by who did.",
            ["source", "seen_by"],
            registry=registry,
        )
        self.source_coverage = Gauge(
            "detection_source_coverage_ratio",
            "Share of the newest 50 trades that a source told of.",
            ["source"],
            registry=registry,
        )
        self.retracted = Counter(
            "detection_trades_retracted_total",
            "Trades that a reorganisation of the chain took back.",
            ["side"],
            registry=registry,
        )

    def announce(self, kind: str) -> None:
        """Give a kind of delivery its series before the first delivery."""
        self.waiting.labels(kind).set(0)
        self.retries.labels(kind)
        self.undelivered.labels(kind)

    def serve(self, port: int, host: str = "127.0.0.1") -> tuple[WSGIServer, Thread]:
        """Answer ``GET /metrics`` on `port` from a thread; shut the returned server down at the end."""
        return start_http_server(port, addr=host, registry=self.registry)


@functools.cache
def process_metrics() -> Metrics:
    """Return this process's instruments, on the default registry."""
    return Metrics(REGISTRY)
