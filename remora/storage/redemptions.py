"""Redemptions: the venue burns all shares of a market at once, and so do our books."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import AccountId, ConditionId, TokenId
from remora.domain.money import MICRO, ZERO, floor_to
from remora.storage import desk as desks
from remora.storage import ledger
from remora.storage.tables import Position

ROUNDING = 100 * MICRO
"""What rounding between tokens and positions may move, in dollars."""

HELD = Position.bought_shares - Position.sold_shares - Position.redeemed_shares


async def owed_and_booked(
    engine: AsyncEngine, account: AccountId, condition_id: ConditionId, *, payouts: Mapping[TokenId, Decimal]
) -> tuple[Decimal, Decimal]:
    """Return the dollars that a market's payouts promise for what our books hold, and those booked already."""
    booked = select(func.coalesce(func.sum(Position.redeemed_dollars), 0)).where(
        Position.account == account, Position.condition_id == condition_id
    )
    async with engine.connect() as connection:
        rows = await _holders(connection, account, condition_id)
        return sum(_parts(rows, payouts).values(), ZERO), Decimal(await connection.scalar(booked) or 0)


async def book_redemption(
    engine: AsyncEngine,
    account: AccountId,
    condition_id: ConditionId,
    *,
    payouts: Mapping[TokenId, Decimal],
    paid: Decimal | None = None,
    now: datetime,
) -> Decimal:
    """Exchange every share of a resolved market for its payout in our books; return the dollars.

    `payouts` are dollars per share. The venue rounds once per token, so that what rounding takes from the
    positions of one token goes to the largest of them. `paid` dollars, where they are others than promised, are
    shared out as what was promised is; what exceeds the promise was paid for shares that our books do not know
    yet, and is left to them. Repeating it changes nothing: no shares are left.
    """
    async with engine.begin() as connection:
        await desks.load(connection, account, lock=True)
        rows = await _holders(connection, account, condition_id)
        parts = _parts(rows, payouts)
        promised = sum(parts.values(), ZERO)
        if paid is not None and rows and paid - promised <= ROUNDING:
            parts = {
                name: floor_to(paid * part / promised if promised else paid / len(parts), MICRO)
                for name, part in parts.items()
            }
            parts[max(rows, key=_size).id] += paid - sum(parts.values())
        for row in rows:
            await _book(connection, account, row, parts[row.id], now)
        await ledger.assert_cash(connection, account)
        return sum(parts.values(), ZERO)


def _parts(rows: Sequence[Any], payouts: Mapping[TokenId, Decimal]) -> dict[str, Decimal]:
    """Return what the payouts promise each position, by its id."""
    parts: dict[str, Decimal] = {}
    for token, payout in payouts.items():
        holders = [row for row in rows if row.token_id == token]
        whole = floor_to(sum((row.held for row in holders), ZERO) * payout, MICRO)
        shares = {row.id: floor_to(row.held * payout, MICRO) for row in holders}
        if holders:
            shares[max(holders, key=_size).id] += whole - sum(shares.values())
        parts |= shares
    return parts


def _size(row: Any) -> tuple[Decimal, str]:
    return row.held, row.id


async def _holders(connection: AsyncConnection, account: AccountId, condition_id: ConditionId) -> list[Any]:
    rows = await connection.execute(
        select(Position.id, Position.token_id, Position.redeemed_shares, HELD.label("held"))
        .where(Position.account == account, Position.condition_id == condition_id, HELD > 0)
        .order_by(Position.id)
    )
    return list(rows)


async def _book(connection: AsyncConnection, account: AccountId, row: Any, payout: Decimal, now: datetime) -> None:
    unit = f"share:{row.token_id}"
    await ledger.post(
        connection,
        account,
        kind="redemption",
        # a second redemption follows only a purchase that became known after the first
        reference=f"redemption:{row.id}:{row.redeemed_shares.normalize():f}",
        at=now,
        entries=[
            ledger.Entry(ledger.CASH, ledger.USD, payout, row.id),
            ledger.Entry("exchange", ledger.USD, -payout, row.id),
            ledger.Entry("holdings", unit, -row.held, row.id),
            ledger.Entry("exchange", unit, row.held, row.id),
        ],
    )
    await connection.execute(
        update(Position)
        .where(Position.id == row.id)
        .values(
            redeemed_shares=Position.redeemed_shares + row.held,
            redeemed_dollars=Position.redeemed_dollars + payout,
            cost=ZERO,
        )
    )
