"""Awaiting what moves money: a cancellation is noted, the result is kept."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow

Result = TypeVar("Result")


async def sure(handle: workflow.ActivityHandle[Result], note_cancel: Callable[[], None]) -> Result:
    """Await an activity to its end; a plain await loses a result that arrives together with a cancellation."""
    while True:
        try:
            return await asyncio.shield(handle)
        except asyncio.CancelledError:
            note_cancel()
            if handle.done():
                return handle.result()


async def until(
    condition: Callable[[], bool], note_cancel: Callable[[], None], *, patience: timedelta | None = None
) -> None:
    """Wait until `condition` holds, the workflow is asked to stop, or `patience` ends."""
    try:
        await workflow.wait_condition(condition, timeout=patience)
    except TimeoutError:
        return
    except asyncio.CancelledError:
        note_cancel()
