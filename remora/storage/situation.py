"""What a risk check must know of an account, read in one round trip under the lock of its desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from remora.domain.decide import WhaleStanding
from remora.domain.ids import AccountId
from remora.domain.market import Market
from remora.domain.trades import Signal
from remora.storage import roster
from remora.storage.exposure import Committed, committed, committed_of, recent_entries
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
    spent = committed(account, market, signal).subquery()
    standing = roster.standing(signal.whale).subquery()
    one = select(literal(1).label("one")).subquery()
    found = await connection.execute(
        select(
            or_(*_decided(account, decision_id, signal.trade_keys)).label("decided"),
            _held(account, signal).label("held"),
            recent_entries(account, now_venue).scalar_subquery().label("entries"),
            standing,
            spent,
        )
        .select_from(one)
        .join(spent, true())
        .outerjoin(standing, true())
    )
    row = found.one()
    return Situation(
        decided=row.decided,
        held=row.held,
        whale=roster.standing_of(row),
        committed=committed_of(row),
        entry_orders_last_minute=row.entries,
    )


def _decided(
    account: AccountId, decision_id: str, trade_keys: Sequence[str]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    written = select(Decision.id).where(Decision.id == decision_id).exists()
    consumed = (
        select(ConsumedTrade.trade_key)
        .where(ConsumedTrade.account == account, ConsumedTrade.trade_key.in_(trade_keys))
        .exists()
    )
    return written, consumed


def _held(account: AccountId, signal: Signal) -> ColumnElement[bool]:
    return (
        select(Position.id)
        .where(
            Position.account == account,
            Position.whale == signal.whale,
            Position.token_id == signal.token_id,
            NOT_ENDED,
        )
        .exists()
    )
