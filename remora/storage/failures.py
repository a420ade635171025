"""Tell an unreachable database from a refused statement."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

TRY_AGAIN = ("08", "40", "53", "57")
"""Classes of SQLSTATE: connection, rollback, resources, operator intervention."""


def may_pass(error: BaseException) -> bool:
    """Return whether the same statement may succeed later: no connection, shutdown, deadlock, no resources."""
    if isinstance(error, OSError | TimeoutError | PoolTimeout | InterfaceError | OperationalError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state.startswith(TRY_AGAIN)
