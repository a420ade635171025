"""Structured logs in UTC, one event per line, without secrets."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, Final, TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "[hidden]"
SECRET_NAME: Final = re.compile(
    r"private_?key|secret|passphrase|password|api_?key|signature|authorization|cookie|mnemonic|seed_?phrase|"
    r"poly_(signature|api_key|passphrase)",
    re.IGNORECASE,
)
URL_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)[^@/\s]+(@)")
SHORTEST_SECRET: Final = 8
"""Known secrets shorter than this are not searched for: they would eat ordinary words."""


class Redactor:
    """Structlog processor that hides values by their field's name, and known secrets wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._texts: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Search for these as well from now on."""
        self._texts |= {text for secret in secrets for text in (secret, secret.removeprefix("0x"))}
        kept = sorted((text for text in self._texts if len(text) >= SHORTEST_SECRET), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, kept)), re.IGNORECASE) if kept else None

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Return the event without secrets."""
        return {name: self._clean(name, value) for name, value in event.items()}

    def _clean(self, name: str, value: Any) -> Any:
        if SECRET_NAME.search(name) and value not in (None, ""):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._clean(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean("", inner) for inner in value]
        if isinstance(value, BaseException):
            return self.text(f"{type(value).__name__}: {value}")
        return value

    def text(self, value: str) -> str:
        """Return a text without known secrets and without passwords in addresses."""
        cleaned = URL_PASSWORD.sub(rf"\1{HIDDEN}\2", value)
        return cleaned if self._known is None else self._known.sub(HIDDEN, cleaned)


REDACTOR: Final = Redactor()
"""What every record of this process passes; secrets that are learnt late are added to it."""


def configure_logging(
    *, as_json: bool, level: str = "INFO", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send our own and every library's log records to `stream` (standard error) in one form."""
    REDACTOR.hide(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        structlog.processors.format_exc_info,
        REDACTOR,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "websockets", "asyncio", "aiosqlite"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _with_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event
