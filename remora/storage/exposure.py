"""What an account has committed: the numbers that a risk check holds against its limits."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, case, func, select

from remora.domain.decide import Exposure
from remora.domain.orders import FillStatus, Purpose
from remora.storage.portfolio import VALUE
from remora.storage.tables import NOT_ENDED, Fill, Order, Position, Reservation

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Exposures at cost with reservations, the value of holdings, and what is reserved, in dollars."""

    exposure: Exposure
    value: Decimal
    reserved: Decimal


def committed() -> Any:
    """Return the query of what an account has committed, as far as it concerns a purchase: one row.

    Parameters: `account`, `whale`, `token_id`, `opposite` (the market's other token), `condition_id`, `event_id`.
    """
    filled = (
        select(func.coalesce(func.sum(Fill.shares * Fill.price + Fill.fee), 0))
        .where(Fill.order_id == Reservation.order_id, Fill.status != FillStatus.FAILED.value)
        .scalar_subquery()
    )
    # what has filled is counted as held already: a reservation stands for the rest
    left = func.greatest(Reservation.dollars - filled, 0)
    reserved = (
        select(Reservation.position_id, func.sum(left).label("dollars"))
        .where(Reservation.account == bindparam("account"), Reservation.released_at.is_(None))
        .group_by(Reservation.position_id)
        .subquery()
    )
    spent = Position.cost + func.coalesce(reserved.c.dollars, 0)
    same_whale = Position.whale == bindparam("whale")

    def total(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, spent), else_=0)), 0)

    return (
        select(
            total((Position.token_id == bindparam("token_id")) & same_whale).label("position"),
            total(Position.condition_id == bindparam("condition_id")).label("market"),
            total(Position.event_id == bindparam("event_id")).label("event"),
            total(same_whale).label("whale"),
            total(Position.token_id == bindparam("opposite")).label("opposite"),
            func.coalesce(func.sum(VALUE), 0).label("value"),
            func.coalesce(func.sum(reserved.c.dollars), 0).label("reserved"),
        )
        .select_from(Position)
        .outerjoin(reserved, reserved.c.position_id == Position.id)
        .where(Position.account == bindparam("account"), NOT_ENDED)
    )


def committed_of(row: Any) -> Committed:
    """Return what a row of `committed` says."""
    return Committed(
        exposure=Exposure(
            position=Decimal(row.position),
            market=Decimal(row.market),
            event=Decimal(row.event),
            whale=Decimal(row.whale),
            opposite_held=row.opposite > 0,
        ),
        value=Decimal(row.value),
        reserved=Decimal(row.reserved),
    )


def recent_entries() -> Any:
    """Return the query of how many entry orders an `account` made after the venue time `entries_since`."""
    return select(func.count()).where(
        Order.account == bindparam("account"),
        Order.purpose == Purpose.ENTRY.value,
        Order.venue_at > bindparam("entries_since"),
    )
