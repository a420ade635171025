"""How a process that serves for long runs its loop and its memory."""

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

YOUNG, MIDDLE, OLD = 20_000, 20, 50
"""Objects made, and collections of the younger generation, between two of the collector's rounds."""


def run_loop(main: Coroutine[object, object, T]) -> T:
    """Run `main` to its end, on uvloop where it exists, and return its result."""
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    return uvloop.run(main)


def start_up_done() -> None:
    """Let the garbage collector pass over everything that start-up made.

    Imported modules are some 250,000 objects that never go away; to look through them again stops the whole
    process for a tenth of a second or more, at any moment.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
