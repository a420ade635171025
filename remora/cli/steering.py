"""What every command that steers needs: the running stack's database and Temporal, and an answer in time."""

import asyncio
import getpass
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from remora.cli import local_stack
from remora.cli.errors import CommandFailed, Exit
from remora.cli.reading import reading
from remora.domain.ids import AccountId
from remora.embedded.inspection import inspect
from remora.embedded.state import StateDir
from remora.settings import load_settings
from remora.storage.positions import PositionMissing, PositionRow, load_position
from starters.client import connect

T = TypeVar("T")

CONNECT_SECONDS = 10.0
"""Longer than this a server that is there does not take to answer."""


@dataclass(frozen=True, slots=True)
class Steering:
    """Open connections and the account that the command is about."""

    engine: AsyncEngine
    client: Client
    account: AccountId


@asynccontextmanager
async def steering(account: str | None = None) -> AsyncIterator[Steering]:
    """Connect to the servers of the settings or of the running stack; raise CommandFailed without them."""
    async with reading(account) as source:
        yield Steering(source.engine, await connected(), source.account)


async def connected() -> Client:
    """Connect to the Temporal of the settings or of the running stack; raise CommandFailed without one."""
    settings = load_settings()
    address = settings.temporal_address or inspect(StateDir(local_stack.state_dir())).temporal_address
    if address is None:
        raise CommandFailed("No Temporal: the stack is not running.", "Run `remora up`.", code=Exit.UNAVAILABLE)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await connect(address, namespace=settings.temporal_namespace)
    except (RuntimeError, TimeoutError) as error:
        raise CommandFailed(
            f"Temporal does not answer at {address}.",
            "See `remora status`; start what has ended with `remora up`.",
            code=Exit.UNAVAILABLE,
        ) from error


async def answered(update: Awaitable[T], *, what: str, within_s: float) -> T:
    """Return the answer to an update of `what`; raise CommandFailed when it is refused or nobody answers."""
    try:
        async with asyncio.timeout(within_s):
            return await update
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        raise CommandFailed(
            f"No answer from {what} within {within_s:g} s; it may still act on the request.",
            "See `remora status` (is a worker running?); look before you repeat it.",
            code=Exit.UNAVAILABLE,
        ) from error
    except WorkflowUpdateFailedError as error:
        cause = error.cause or error
        text = getattr(cause, "message", "") or str(cause)
        raise CommandFailed(f"Refused: {text}.", code=Exit.REFUSED) from error
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise CommandFailed(
            f"No workflow runs for {what}.", "`remora reconcile` finds and adopts what nobody looks after."
        ) from error


async def running_position(source: Steering, name: str) -> PositionRow:
    """Return a position that has not ended, by its id or its workflow's; raise CommandFailed otherwise."""
    try:
        row = await load_position(source.engine, name)
    except PositionMissing as error:
        raise CommandFailed(f"No position {name}.", "See `remora positions --all`.") from error
    if row.state.ended:
        why = f" ({row.exit_reason.value})" if row.exit_reason else ""
        raise CommandFailed(
            f"Refused: the position is {row.state.value}{why} already.",
            f"See `remora position {row.id}`.",
            code=Exit.REFUSED,
        )
    return row


def operator() -> str:
    """Return who sits at this terminal, for the record."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, in a container
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
