"""Messages of BacktestWorkflow."""

from typing import Any

from schemas.message import Message


class SweepAsk(Message):
    """A part of a grid on one recording, as plain values.

    `source` says where the recording is, `spec` what is asked of it, `limits` and `scoring` the policy beneath the
    grid; `points` are the grid's own values by name.
    """

    source: dict[str, Any]
    spec: dict[str, Any]
    limits: dict[str, str]
    scoring: dict[str, Any]
    fingerprint: str
    points: list[dict[str, str]]


class SweepRows(Message):
    """What each point came to, in the order of the points."""

    rows: list[dict[str, Any]]


class SweepProgress(Message):
    """How far a sweep is."""

    done: int = 0
    total: int = 0


class SweepInput(Message):
    """A whole grid, replayed in parts of `shard` points."""

    ask: SweepAsk
    shard: int = 8
