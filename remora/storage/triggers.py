"""Exit thresholds in force, and the channel that tells watchers of a change."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.exits import Thresholds
from remora.domain.ids import AccountId, ConditionId, TokenId
from remora.storage.tables import ExitTrigger, Position

CHANNEL = "exit_triggers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Thresholds of one open position."""

    position_id: str
    workflow_id: str
    account: AccountId
    token_id: TokenId
    condition_id: ConditionId
    shares: Decimal
    stop_price: Decimal | None
    target_price: Decimal | None
    armed_at: datetime


async def set_trigger(
    engine: AsyncEngine, position_id: str, *, shares: Decimal, bounds: Thresholds, now: datetime
) -> None:
    """Arm (or arm again) a position's thresholds and tell the watchers."""
    async with engine.begin() as connection:
        position = (
            await connection.execute(
                update(Position)
                .where(Position.id == position_id)
                .values(stop_price=bounds.stop_price, target_price=bounds.target_price, exit_at=bounds.exit_at)
                .returning(Position.workflow_id, Position.account, Position.token_id, Position.condition_id)
            )
        ).one()
        values = {
            "shares": shares,
            "stop_price": bounds.stop_price,
            "target_price": bounds.target_price,
            "armed_at": now,
        }
        await connection.execute(
            insert(ExitTrigger)
            .values(
                position_id=position_id,
                workflow_id=position.workflow_id,
                account=position.account,
                token_id=position.token_id,
                condition_id=position.condition_id,
                **values,
            )
            .on_conflict_do_update(index_elements=[ExitTrigger.position_id], set_=values)
        )
        await _notify(connection, position_id)


async def clear_trigger(engine: AsyncEngine, position_id: str) -> None:
    """Disarm a position's thresholds and tell the watchers."""
    async with engine.begin() as connection:
        await connection.execute(delete(ExitTrigger).where(ExitTrigger.position_id == position_id))
        await _notify(connection, position_id)


async def active_triggers(engine: AsyncEngine, account: AccountId) -> list[Trigger]:
    """Return every armed threshold of an account."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(ExitTrigger.__table__).where(ExitTrigger.account == account).order_by(ExitTrigger.position_id)
        )
        return [Trigger(**row) for row in rows.mappings()]


async def _notify(connection: AsyncConnection, position_id: str) -> None:
    await connection.execute(text(f"SELECT pg_notify('{CHANNEL}', :position)"), {"position": position_id})
