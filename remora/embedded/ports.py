"""Ports of this machine: which are free, and who has the others."""

import contextlib
import socket
from collections.abc import Iterable

import psutil

from remora.embedded.errors import PortInUse

HOST = "127.0.0.1"
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
        return True


def choose(preferred: Iterable[int | None], *, count: int = 1, avoid: Iterable[int] = ()) -> int:
    """Return the first of `count` consecutive free ports, the first preference that is free if any."""
    avoided = set(avoid)

    def fits(first: int) -> bool:
        block = range(first, first + count)
        return block.stop <= 65536 and avoided.isdisjoint(block) and all(is_free(port) for port in block)

    for first in preferred:
        if first is not None and fits(first):
            return first
    for _ in range(ATTEMPTS):
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            first = int(probe.getsockname()[1])
        if fits(first):
            return first
    raise PortInUse(
        f"No {count} consecutive free ports were found on {HOST}.",
        "Stop some of the programs that listen on this machine, then run it again.",
    )


def require_free(first: int, *, option: str, count: int = 1) -> None:
    """Raise PortInUse, naming the owner, unless `count` ports from `first` on are free."""
    for port in range(first, first + count):
        if not is_free(port):
            raise PortInUse(
                f"Port {port} on {HOST} is in use by {owner(port)}.",
                f"Stop that program, or choose another port with {option}.",
            )


def owner(port: int) -> str:
    """Return who listens on `port`, as far as this user may know."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            address = tuple(connection.laddr)
            listening = connection.status == psutil.CONN_LISTEN and address[1:2] == (port,)
            if listening and connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"
