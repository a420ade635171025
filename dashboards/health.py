"""System health: latency, streams, the venue, Temporal, the processes."""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.panels import COUNT, SECONDS, SHARE, Query, bars, board, graph, heat, number

RATE = "[$__rate_interval]"
ACTIVITY = "temporal_activity_execution_latency_seconds"
LOCAL = "temporal_local_activity_execution_latency_seconds"


def dashboard() -> Dashboard:
    """Return the dashboard."""
    return board(
        "remora-health",
        "Remora · System health",
        "From the first byte of a whale's trade to our order, and everything that it needs on the way.",
        [*_numbers(), *_latency(), *_streams(), *_venue(), *_temporal(), *_processes()],
    )


def _numbers() -> list[Builder[Panel]]:
    return [
        number(
            "Processes up",
            "Share of the scraped targets that answer.",
            SHARE,
            Query("avg(up)"),
            steps=((None, "red"), (1.0, "green")),
        ),
        number(
            "To the order, p99",
            "First byte of the trade to our order on the wire.",
            SECONDS,
            Query('max(stage_source:trading_detection_to_order_seconds:p99{stage="sent"})'),
            steps=((None, "green"), (0.1, "orange"), (1.0, "red")),
        ),
        number(
            "Longest silence",
            "Of any stream.",
            SECONDS,
            Query("max(feed:watcher_feed_silence_seconds:min)"),
            steps=((None, "green"), (20.0, "orange"), (60.0, "red")),
        ),
        number(
            "Requests that fail",
            "Share of the requests to the venue.",
            SHARE,
            Query("api_requests_failed:ratio5m"),
            steps=((None, "green"), (0.02, "orange"), (0.1, "red")),
        ),
        number(
            "Since the last decision",
            "A quiet whale, or a dead stream.",
            SECONDS,
            Query("min(account:trading_decision_age_seconds:min)"),
        ),
        number(
            "Roster's age",
            "Above 24 hours entries are refused.",
            SECONDS,
            Query("max(account:trading_roster_age_seconds:min)"),
            steps=((None, "green"), (43200.0, "orange"), (86400.0, "red")),
        ),
    ]


def _latency() -> list[Builder[Panel]]:
    bucket = "trading_detection_to_order_seconds_bucket"
    return [
        graph(
            "Latency by stage, p50",
            "Seconds since the first byte, at the end of each stage.",
            SECONDS,
            [Query("stage_source:trading_detection_to_order_seconds:p50", "{{stage}} ({{source}})")],
        ),
        graph(
            "Latency by stage, p99",
            "Seconds since the first byte, at the end of each stage.",
            SECONDS,
            [Query("stage_source:trading_detection_to_order_seconds:p99", "{{stage}} ({{source}})")],
        ),
        heat(
            "First byte to order",
            "How many orders took how long.",
            SECONDS,
            Query(f'sum by (le) (increase({bucket}{{stage="sent"}}{RATE}))', "{{le}}"),
            scheme="Oranges",
            buckets=True,
        ),
    ]


def _streams() -> list[Builder[Panel]]:
    return [
        graph(
            "Feed lag, p99",
            "From a fill, as the venue dates it, to its first byte here.",
            SECONDS,
            [Query("source:watcher_feed_lag_seconds:p99", "{{source}}")],
        ),
        graph(
            "Silence",
            "Since each stream last said anything.",
            SECONDS,
            [Query("feed:watcher_feed_silence_seconds:min", "{{feed}}")],
        ),
        graph(
            "Stream messages",
            "Per second, by stream and kind.",
            COUNT,
            [Query(f"sum by (feed, event) (rate(websocket_events_total{RATE}))", "{{feed}} {{event}}")],
        ),
        graph(
            "Whale trades",
            "Per second, by what became of them.",
            COUNT,
            [Query(f"sum by (fate) (rate(watcher_trades_total{RATE}))", "{{fate}}")],
        ),
        bars(
            "Gaps and restarts of 15 minutes",
            "Interrupted streams.",
            COUNT,
            Query("feed:watcher_feed_gaps:increase15m", "{{feed}}"),
            steps=((None, "green"), (1.0, "orange")),
        ),
        graph(
            "Deliveries waiting",
            "For Temporal to take them; exits go first.",
            COUNT,
            [Query("kind:watcher_deliveries_waiting:sum", "{{kind}}")],
        ),
    ]


def _venue() -> list[Builder[Panel]]:
    return [
        graph(
            "Requests to the venue",
            "Per second, by path.",
            COUNT,
            [Query(f"sum by (method, path) (rate(api_requests_total{RATE}))", "{{method}} {{path}}")],
        ),
        graph(
            "Answers",
            "Per second, by status; `none` got no answer.",
            COUNT,
            [Query(f"sum by (status) (rate(api_requests_total{RATE}))", "{{status}}")],
        ),
    ]


def _temporal() -> list[Builder[Panel]]:
    def mean(name: str) -> str:
        return (
            f"sum by (activity_type) (rate({name}_sum{RATE}))"
            f" / (sum by (activity_type) (rate({name}_count{RATE})) > 0)"
        )

    return [
        graph(
            "Workflow tasks wait, p99",
            "From scheduled to started.",
            SECONDS,
            [
                Query(
                    "task_queue:temporal_workflow_task_schedule_to_start_seconds:p99", "workflow {{task_queue}}"
                ),
                Query("task_queue:temporal_activity_schedule_to_start_seconds:p99", "activity {{task_queue}}"),
            ],
        ),
        graph(
            "Activities, mean",
            "Seconds of one attempt.",
            SECONDS,
            [Query(mean(ACTIVITY), "{{activity_type}}"), Query(mean(LOCAL), "{{activity_type}} (local)")],
        ),
        graph(
            "Failures",
            "Per second: attempts of activities, and workflow tasks.",
            COUNT,
            [
                Query("temporal_activity_failed:rate5m", "activities"),
                Query("temporal_workflow_task_failed:rate5m", "workflow tasks"),
            ],
        ),
        graph(
            "Workflows",
            "Cached on the workers, and completed per second.",
            COUNT,
            [
                Query("sum(temporal_sticky_cache_size)", "cached"),
                Query(f"sum(rate(temporal_workflow_completed_total{RATE}))", "completed"),
            ],
        ),
        bars(
            "Free slots",
            "Of the worker with the fewest.",
            COUNT,
            Query("worker_type:temporal_worker_task_slots_available:min", "{{worker_type}}"),
            steps=((None, "red"), (10.0, "green")),
        ),
        graph(
            "Requests to Temporal",
            "Per second, by operation.",
            COUNT,
            [Query(f"sum by (operation) (rate(temporal_request_total{RATE}))", "{{operation}}")],
        ),
    ]


def _processes() -> list[Builder[Panel]]:
    return [
        graph(
            "Memory",
            "Resident, by process.",
            "bytes",
            [Query('process_resident_memory_bytes{job="remora"}', "{{instance}}")],
        ),
        graph(
            "Processor",
            "Cores in use, by process.",
            COUNT,
            [Query(f'rate(process_cpu_seconds_total{{job="remora"}}{RATE})', "{{instance}}")],
        ),
    ]
