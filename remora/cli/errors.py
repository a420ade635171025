"""From exceptions to exit codes, and to what the user is told."""

import socket
import sys
from dataclasses import dataclass
from enum import IntEnum

UNDEFINED_TABLE = "42P01"
CLOSED = ("28", "3D")
"""Classes of SQLSTATE for a server that does not let us in: wrong user or password, no such database."""


class Exit(IntEnum):
    """How a command ended: refused by a limit, unavailable dependency, and so on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNAVAILABLE = 4
    INTERRUPTED = 130


class CommandFailed(Exception):
    """What a command raises to end with a code, one message and the next step."""

    def __init__(self, message: str, next_step: str = "", *, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.code = code


@dataclass(frozen=True)
class Complaint:
    """What the user is told."""

    code: Exit
    message: str
    next_step: str = ""


def complaint(error: BaseException) -> Complaint:
    """Return what to say about any exception that ended a command."""
    if isinstance(error, CommandFailed):
        return Complaint(error.code, error.message, error.next_step)
    if _is(error, "remora.embedded.errors", "EmbeddedError"):
        return Complaint(Exit.UNAVAILABLE, getattr(error, "message", ""), getattr(error, "next_step", ""))
    if _is(error, "remora.venues.venue", "VenueUnavailable"):
        message = f"The venue does not answer: {_first_line(error)}"
        return Complaint(Exit.UNAVAILABLE, message, "See `remora doctor`.")
    if _is(error, "remora.settings", "SettingsError"):
        return Complaint(Exit.USAGE, str(error))
    if _is(error, "temporalio.service", "RPCError"):
        return Complaint(Exit.UNAVAILABLE, f"Temporal: {error}", "See `remora status`.")
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
        return _unanswered(error)
    if _is(error, "sqlalchemy.exc", "DBAPIError", "TimeoutError"):
        return _of_database(error)
    return _unexpected(error)


def _unanswered(error: BaseException) -> Complaint:
    return Complaint(Exit.UNAVAILABLE, f"A server does not answer: {_first_line(error)}", "See `remora status`.")


def _of_database(error: BaseException) -> Complaint:
    from remora.storage.failures import may_pass

    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if state == UNDEFINED_TABLE:
        return Complaint(
            Exit.UNAVAILABLE,
            f"The database has not the tables of this version: {_first_line(error)}",
            "`remora up` brings them up to date, and so does `python -m remora.storage.migrate`.",
        )
    if may_pass(error) or state.startswith(CLOSED):
        return _unanswered(error)
    return _unexpected(error)


def _unexpected(error: BaseException) -> Complaint:
    return Complaint(
        Exit.FAILED,
        f"Unexpected {type(error).__name__}: {_first_line(error)}",
        "Run it again with REMORA_DEBUG=1 for the whole story.",
    )


def _is(error: BaseException, module: str, *names: str) -> bool:
    """Tell whether `error` is of a class whose module need not be imported to ask."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, tuple(getattr(loaded, name) for name in names))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "no details")
