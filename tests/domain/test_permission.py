"""A live account opens nothing without a person, a region and an account that may, and little on its first day."""

from datetime import timedelta
from typing import Any

import pytest

from remora.domain.decide import Copy, Skip
from remora.domain.limits import Limits
from remora.domain.permission import ACCESS_AGE_MAX, FIRST_DAY, Access, Permission, first_day_room
from remora.domain.reasons import SkipReason
from tests.domain.values import NOW, d, decided, desk

FREE = Access(geoblocked=False, closed_only=False, country="IE")


def permission(**changes: Any) -> Permission:
    values: dict[str, Any] = {
        "confirmed_at": NOW - 2 * FIRST_DAY,
        "began_at": NOW - 2 * FIRST_DAY,
        "access": FREE,
        "access_at": NOW - timedelta(minutes=1),
    }
    return Permission(**(values | changes))


@pytest.mark.parametrize(
    ("granted", "reason"),
    [
        (None, SkipReason.NOT_CONFIRMED),
        (permission(confirmed_at=None), SkipReason.NOT_CONFIRMED),
        (permission(access=None, access_at=None), SkipReason.ACCESS_UNKNOWN),
        (permission(access_at=NOW - ACCESS_AGE_MAX - timedelta(seconds=1)), SkipReason.ACCESS_UNKNOWN),
        (permission(access=Access(geoblocked=True, closed_only=False, country="XX")), SkipReason.REGION_BLOCKED),
        (permission(access=Access(geoblocked=False, closed_only=True, country="IE")), SkipReason.CLOSED_ONLY),
        (permission(began_at=NOW, spent=d("100")), SkipReason.FIRST_DAY),
    ],
)
def test_each_missing_permission_has_a_reason_of_its_own(granted: Permission | None, reason: SkipReason) -> None:
    decision = decided(desk=desk(live=True, permission=granted))

    assert isinstance(decision, Skip)
    assert decision.reason is reason
    assert isinstance(decided(desk=desk(live=False)), Copy)


def test_the_first_day_bounds_the_stake_and_then_ends() -> None:
    first = decided(desk=desk(live=True, permission=permission(began_at=NOW, spent=d("60"))))
    later = decided(desk=desk(live=True, permission=permission(spent=d("60"))))

    assert isinstance(first, Copy)
    assert isinstance(later, Copy)
    assert d("39") < first.notional <= d("40")
    assert first.bound_by == SkipReason.FIRST_DAY.value
    assert later.notional > 100


def test_the_first_day_lasts_twenty_four_hours_from_the_first_purchase() -> None:
    limit = Limits().first_day_max_usd
    begun = permission(began_at=NOW, spent=d("250"))

    assert first_day_room(begun, limit, NOW) == 0
    assert first_day_room(begun, limit, NOW + FIRST_DAY - timedelta(seconds=1)) == 0
    assert first_day_room(begun, limit, NOW + FIRST_DAY) is None
    assert first_day_room(permission(confirmed_at=None), limit, NOW) is None


def test_who_confirmed_long_before_the_first_purchase_still_has_a_first_day() -> None:
    assert first_day_room(permission(began_at=None), d("100"), NOW) == d("100")
