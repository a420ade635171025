"""Where the engine's log goes while the screen tells the story."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from remora.telemetry.logs import configure_logging


@contextlib.contextmanager
def engine_log(path: Path | None, *, secrets: Sequence[str]) -> Iterator[None]:
    """Send log records to `path`, or, without one, only what ends everything to standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with contextlib.ExitStack() as stack:
        if path is None:
            configure_logging(as_json=False, level="CRITICAL", secrets=secrets)
        else:
            stream = stack.enter_context(path.open("w"))
            configure_logging(as_json=True, secrets=secrets, stream=stream)
        try:
            yield
        finally:
            root.handlers[:], root.level = handlers, level
