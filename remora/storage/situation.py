"""What a risk check must know of an account, read in one round trip under the lock of its desk."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, bindparam, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from remora.domain.decide import WhaleStanding
from remora.domain.ids import AccountId
from remora.domain.market import Market
from remora.domain.trades import Signal
from remora.storage import roster
from remora.storage.exposure import MINUTE, Committed, committed, committed_of, recent_entries
from remora.storage.tables import NOT_ENDED, ConsumedTrade, Decision, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The account as of one instant.

    `decided`: this decision, or one about some of the same trades, is written already. `held`: a position of this
    whale in this token has not ended.
    """

    decided: bool
    held: bool
    whale: WhaleStanding
    committed: Committed
    entry_orders_last_minute: int


async def read_situation(
    connection: AsyncConnection,
    account: AccountId,
    decision_id: str,
    signal: Signal,
    market: Market,
    now_venue: datetime,
) -> Situation:
    """Return the situation; every part of it is of the same snapshot."""
    about = {
        "account": account,
        "decision_id": decision_id,
        "trade_keys": list(signal.trade_keys),
        "whale": signal.whale,
        "token_id": signal.token_id,
        "opposite": market.opposite(signal.token_id),
        "condition_id": market.condition_id,
        "event_id": market.event_id,
        "entries_since": now_venue - MINUTE,
    }
    row = (await connection.execute(_situation(), about)).one()
    return Situation(
        decided=row.decided,
        held=row.held,
        whale=roster.standing_of(row),
        committed=committed_of(row),
        entry_orders_last_minute=row.entries,
    )


@cache
def _situation() -> Any:
    """Return the query, made once: making it and naming it for the compiled ones took as long as running it."""
    spent = committed().subquery()
    standing = roster.standing().subquery()
    one = select(literal(1).label("one")).subquery()
    return (
        select(
            or_(*_decided()).label("decided"),
            _held().label("held"),
            recent_entries().scalar_subquery().label("entries"),
            standing,
            spent,
        )
        .select_from(one)
        .join(spent, true())
        .outerjoin(standing, true())
    )


def _decided() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    written = select(Decision.id).where(Decision.id == bindparam("decision_id")).exists()
    consumed = (
        select(ConsumedTrade.trade_key)
        .where(
            ConsumedTrade.account == bindparam("account"),
            ConsumedTrade.trade_key == func.any(bindparam("trade_keys", type_=ARRAY(String))),
        )
        .exists()
    )
    return written, consumed


def _held() -> ColumnElement[bool]:
    return (
        select(Position.id)
        .where(
            Position.account == bindparam("account"),
            Position.whale == bindparam("whale"),
            Position.token_id == bindparam("token_id"),
            NOT_ENDED,
        )
        .exists()
    )
