"""What a person should hear of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LINES_MAX: Final = 15
"""Alerts named in one message; the rest are counted."""


class AlertKind(StrEnum):
    """Why a person should look."""

    NEEDS_ATTENTION = "needs_attention"
    BREAKER = "breaker"
    RECONCILE = "reconcile"
    FEED_SILENT = "feed_silent"
    SETTLEMENT_FAILED = "settlement_failed"
    NO_DECISION = "no_decision"
    DAILY_SUMMARY = "daily_summary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to hear of; raised again under the same `key`, it is the same thing."""

    key: str
    kind: AlertKind
    title: str
    body: str = ""


def message_of(alerts: Sequence[Alert]) -> tuple[str, str]:
    """Return title and text of one message about several alerts."""
    if len(alerts) == 1:
        return f"Remora: {alerts[0].title}", alerts[0].body or alerts[0].title
    lines = [f"- {alert.title}{f': {alert.body}' if alert.body else ''}" for alert in alerts[:LINES_MAX]]
    if len(alerts) > LINES_MAX:
        lines.append(f"- and {len(alerts) - LINES_MAX} more")
    return f"Remora: {len(alerts)} alerts", "\n".join(lines)
