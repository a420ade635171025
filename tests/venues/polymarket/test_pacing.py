import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.venues.polymarket.pacing import Pacing


class HandClock:
    """Time that passes only while something sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(rate=st.floats(0.5, 50), pauses=st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_no_second_ever_sees_more_requests_than_allowed(rate: float, pauses: list[float]) -> None:
    clock = HandClock()
    pacing = Pacing(rate, clock=lambda: clock.now, sleep=clock.sleep)

    async def ask() -> list[float]:
        sent = []
        for pause in pauses:
            clock.now += pause
            await pacing.turn()
            sent.append(clock.now)
        return sent

    sent = asyncio.run(ask())
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in itertools.pairwise(sent))


def test_a_rate_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pacing(0, clock=lambda: 0.0)
