"""What may happen at an instant of a replay."""

from typing import Any

SIGNAL, ARRIVAL, PRINT, EXPIRY, CROSSING, ALARM, MILESTONE, REDEMPTION, RETRY, CONFIRMATION = range(10)
Event = tuple[float, int, int, Any]
"""When, a number that keeps events of one instant in order, the kind, and what the handler is given."""
