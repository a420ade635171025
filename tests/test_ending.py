"""Loops that survive errors, and are told to end in the middle of one."""

import asyncio

from remora.ending import end


async def test_a_task_that_takes_a_cancellation_for_an_error_ends_all_the_same() -> None:
    survived = 0

    async def interrupted_library() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            if survived < 2:
                raise ConnectionError("connection is closed") from error
            raise

    async def loop() -> None:
        nonlocal survived
        while True:
            try:
                await interrupted_library()
            except ConnectionError:
                survived += 1

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    await end(task, again_s=0.01)

    assert task.cancelled()
    assert survived == 2


async def test_a_task_that_failed_is_no_trouble() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)

    await end(task)

    assert task.done()
