"""Venue time runs beside the wall clock."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.clock import VenueClock
from tests.domain.values import NOW


@given(speed=st.floats(0.1, 10_000), seconds=st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same_instant(speed: float, seconds: float) -> None:
    clock = VenueClock(wall_origin=NOW, venue_origin=NOW - timedelta(days=400), speed=speed)
    wall = NOW + timedelta(seconds=seconds)

    assert abs(clock.wall_time(clock.venue_time(wall)) - wall) <= timedelta(microseconds=10)


def test_an_hour_of_a_replay_takes_a_minute_at_sixty_fold_speed() -> None:
    clock = VenueClock(wall_origin=NOW, venue_origin=NOW - timedelta(days=1), speed=60)

    assert clock.venue_time(NOW + timedelta(minutes=1)) == NOW - timedelta(hours=23)
    assert clock.wall_duration(timedelta(hours=1)) == timedelta(minutes=1)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_clock_that_stands_or_runs_backwards_is_an_error(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        VenueClock(wall_origin=NOW, venue_origin=NOW, speed=speed)


def test_naive_origins_are_an_error() -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        VenueClock(wall_origin=datetime(2026, 1, 1), venue_origin=NOW)  # noqa: DTZ001
