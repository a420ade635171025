"""What a stack knows about one of its processes."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from remora.embedded.processes import Command
from remora.embedded.site import Site


@dataclass(frozen=True, kw_only=True)
class PortNeed:
    """Consecutive ports: `preferred` if free, `fixed` (or an error naming `option`) if given."""

    name: str
    preferred: int
    count: int = 1
    fixed: int | None = None
    option: str = ""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process: how to run it, how to see that it is healthy, how to end it.

    `healthy` gets the process's pid and answers within a second or two; it may raise only OSError.
    `prepare` runs before the start (blocking work belongs in a thread), `settle` once it is healthy.
    """

    name: str
    command: Callable[[Site], Command]
    healthy: Callable[[Site, int], Awaitable[bool]]
    needs: tuple[str, ...] = ()
    ports: tuple[PortNeed, ...] = ()
    prepare: Callable[[Site], Awaitable[None]] | None = None
    settle: Callable[[Site], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_patience_s: float = 10.0
    preparing: str = ""
