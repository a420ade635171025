"""What stands between a live account and its next entry; exits need no permission."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from remora.domain.money import ZERO
from remora.domain.reasons import SkipReason

FIRST_DAY = timedelta(hours=24)
"""Counted from the first purchase: a day between the sentence and the first order has tried nothing."""

ACCESS_AGE_MAX = timedelta(minutes=15)
"""Older than this, what the venue said about region and account says nothing about now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether the venue lets us open positions, as it said when asked."""

    geoblocked: bool
    closed_only: bool
    country: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A live account's standing.

    `spent` is what its entries committed since it was confirmed, in dollars; `began_at` is when the first was
    decided.
    """

    confirmed_at: datetime | None
    access: Access | None
    access_at: datetime | None
    spent: Decimal = ZERO
    began_at: datetime | None = None


def refuse_entry(permission: Permission, now: datetime) -> tuple[SkipReason, str] | None:
    """Return why a live account may not open a position, None when it may."""
    if permission.confirmed_at is None:
        return SkipReason.NOT_CONFIRMED, "nobody confirmed live trading: remora live confirm"
    if permission.access is None or permission.access_at is None:
        return SkipReason.ACCESS_UNKNOWN, "region and account were never checked"
    if now - permission.access_at > ACCESS_AGE_MAX:
        return SkipReason.ACCESS_UNKNOWN, f"region and account were last checked at {permission.access_at}"
    if permission.access.geoblocked:
        return SkipReason.REGION_BLOCKED, f"the venue refuses orders from {permission.access.country}"
    if permission.access.closed_only:
        return SkipReason.CLOSED_ONLY, "the venue lets this account only close positions"
    return None


def first_day_room(permission: Permission, limit: Decimal, now: datetime) -> Decimal | None:
    """Return the dollars that may still be committed on the first day, None once it is over."""
    began_at = permission.began_at
    if permission.confirmed_at is None or (began_at is not None and now - began_at >= FIRST_DAY):
        return None
    return max(ZERO, limit - permission.spent)
