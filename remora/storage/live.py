"""Live trading of an account: who confirmed it, what the venue says about it, which whales a person let pass."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.decide import WhaleStanding
from remora.domain.ids import AccountId, WalletAddress
from remora.domain.money import ZERO
from remora.domain.orders import OrderState, Purpose
from remora.domain.permission import Access, Permission
from remora.domain.probation import PaperRecord, live_standing
from remora.domain.reasons import PositionState
from remora.storage.account_tables import LiveAccess, LiveConfirmation, LiveOverride
from remora.storage.tables import Desk, Order, Position

LIVE_MODES = ("live", "live_on_twin")
"""Modes of an account's books in which entries need permission; the second is a rehearsal on a twin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Who allowed an account to trade real money, and when."""

    account: AccountId
    confirmed_at: datetime
    confirmed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Who let a whale trade live before its probation ended, and when."""

    whale: WalletAddress
    allowed_at: datetime
    allowed_by: str


async def confirm(engine: AsyncEngine, account: AccountId, *, by: str, phrase: str, now: datetime) -> bool:
    """Write that a person typed `phrase`; False when the account was confirmed before, which stays as it was."""
    async with engine.begin() as connection:
        written = await connection.execute(
            insert(LiveConfirmation)
            .values(account=account, confirmed_at=now, confirmed_by=by, phrase=phrase)
            .on_conflict_do_nothing()
        )
        return bool(written.rowcount)


async def confirmation(engine: AsyncEngine, account: AccountId) -> Confirmation | None:
    """Return an account's confirmation, None before it."""
    async with engine.connect() as connection:
        query = select(LiveConfirmation.__table__).where(LiveConfirmation.account == account)
        row = (await connection.execute(query)).mappings().first()
    if row is None:
        return None
    return Confirmation(account=account, confirmed_at=row["confirmed_at"], confirmed_by=row["confirmed_by"])


async def write_access(engine: AsyncEngine, account: AccountId, access: Access, *, now: datetime) -> None:
    """Write what the venue says right now."""
    values = {
        "checked_at": now,
        "geoblocked": access.geoblocked,
        "closed_only": access.closed_only,
        "country": access.country,
    }
    async with engine.begin() as connection:
        await connection.execute(
            insert(LiveAccess)
            .values(account=account, **values)
            .on_conflict_do_update(index_elements=["account"], set_=values)
        )


async def permission(connection: AsyncConnection, account: AccountId) -> Permission:
    """Return what the risk check must know about a live account."""
    confirmed_at = await connection.scalar(
        select(LiveConfirmation.confirmed_at).where(LiveConfirmation.account == account)
    )
    query = select(LiveAccess.__table__).where(LiveAccess.account == account)
    row = (await connection.execute(query)).mappings().first()
    access = None
    if row is not None:
        access = Access(geoblocked=row["geoblocked"], closed_only=row["closed_only"], country=row["country"])
    spent, began_at = (ZERO, None) if confirmed_at is None else await _committed(connection, account, confirmed_at)
    return Permission(
        confirmed_at=confirmed_at,
        access=access,
        access_at=None if row is None else row["checked_at"],
        spent=spent,
        began_at=began_at,
    )


async def _committed(
    connection: AsyncConnection, account: AccountId, since: datetime
) -> tuple[Decimal, datetime | None]:
    """Return dollars and beginning of every entry order since an instant, whatever became of it unless refused."""
    dollars = func.sum(func.coalesce(Order.notional, Order.shares * Order.limit_price))
    row = await connection.execute(
        select(dollars, func.min(Order.decided_at)).where(
            Order.account == account,
            Order.purpose == Purpose.ENTRY.value,
            Order.decided_at >= since,
            Order.state != OrderState.REJECTED.value,
        )
    )
    spent, began_at = row.one()
    return Decimal(spent or 0), began_at


async def standing_live(
    connection: AsyncConnection, account: AccountId, whale: WalletAddress, standing: WhaleStanding, now: datetime
) -> WhaleStanding:
    """Return a whale's standing on a live account: its time on paper decides, or a person who named it."""
    overridden = await connection.scalar(
        select(LiveOverride.whale).where(LiveOverride.account == account, LiveOverride.whale == whale)
    )
    record = await paper_record(connection, whale)
    return live_standing(standing, record, overridden=overridden is not None, now=now)


async def paper_record(connection: AsyncConnection, whale: WalletAddress) -> PaperRecord:
    """Return how copying a whale went on the paper accounts of this database."""
    gain = Position.sold_notional + Position.redeemed_dollars - Position.bought_notional - Position.fees
    closed = (Position.state == PositionState.CLOSED.value) & (Position.bought_shares > 0)
    row = (
        await connection.execute(
            select(
                func.min(Position.opened_at),
                func.count().filter(closed),
                func.avg(gain / func.nullif(Position.bought_shares, 0)).filter(closed),
            )
            .join(Desk, Desk.account == Position.account)
            .where(Desk.venue_mode == "paper", Position.whale == whale, Position.bought_shares > 0)
        )
    ).one()
    return PaperRecord(first_opened_at=row[0], closed=row[1], mean_edge=Decimal(row[2] or 0))


async def allow_whale(
    engine: AsyncEngine, account: AccountId, whale: WalletAddress, *, by: str, now: datetime
) -> None:
    """Let a whale trade live before its probation ended; repeated, it changes nothing."""
    async with engine.begin() as connection:
        await connection.execute(
            insert(LiveOverride)
            .values(account=account, whale=whale, allowed_at=now, allowed_by=by)
            .on_conflict_do_nothing()
        )


async def forbid_whale(engine: AsyncEngine, account: AccountId, whale: WalletAddress) -> bool:
    """Take such a permission back; False when there was none."""
    async with engine.begin() as connection:
        gone = await connection.execute(
            delete(LiveOverride).where(LiveOverride.account == account, LiveOverride.whale == whale)
        )
        return bool(gone.rowcount)


async def allowed_whales(engine: AsyncEngine, account: AccountId) -> list[Override]:
    """Return every such permission, oldest first."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(LiveOverride.__table__).where(LiveOverride.account == account).order_by(LiveOverride.allowed_at)
        )
        return [
            Override(whale=WalletAddress(row["whale"]), allowed_at=row["allowed_at"], allowed_by=row["allowed_by"])
            for row in rows.mappings()
        ]
