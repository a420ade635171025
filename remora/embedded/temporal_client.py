"""A connection to Temporal for looking and setting up, not for workflows."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from temporalio.client import Client

_PATIENCE_S = 5.0


async def connect(address: str, namespace: str) -> "Client":
    """Return a client; raise RuntimeError or TimeoutError if nobody answers."""
    from temporalio.client import Client

    return await asyncio.wait_for(Client.connect(address, namespace=namespace), _PATIENCE_S)
