"""What Temporal's core has to say goes into our log, in our form, instead of onto the terminal."""

import logging
from typing import Final

from temporalio.runtime import LogForwardingConfig, LoggingConfig, TelemetryFilter

CORE: Final = logging.getLogger("temporal")

EXPECTED: Final = ("TMPRL1104",)
"""Warnings about what is meant to be: a workflow task that takes long. The first send of an order is a local
activity, part of its task, and may wait 25 s for the venue; the latency histograms tell how long it does."""


class NotExpected(logging.Filter):
    """Lets everything pass but what is expected; that is shown from level DEBUG on."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is worth a line."""
        expected = any(code in record.getMessage() for code in EXPECTED)
        return not expected or CORE.isEnabledFor(logging.DEBUG)


def core_logging() -> LoggingConfig:
    """Return how the core logs: warnings and errors, through Python's logging, without its dump of fields."""
    if not any(isinstance(found, NotExpected) for found in CORE.filters):
        CORE.addFilter(NotExpected())
    return LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(
            logger=CORE, append_target_to_name=False, append_log_fields_to_message=False
        ),
    )
