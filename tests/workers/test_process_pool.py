"""Processes of a pool that are lost."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from workers.process_pool import ProcessPool


def test_a_killed_process_fails_its_work_and_no_later_one() -> None:
    pool = ProcessPool(1)
    try:
        lost = pool.submit(os.getpid).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(os.kill, lost, signal.SIGKILL).result()

        found = pool.submit(os.getpid).result()

        assert found not in (lost, os.getpid())
    finally:
        pool.shutdown()
