"""Reductions are told apart also where a database gives a number out for the second time."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.reasons import ExitReason
from remora.storage import desk, reductions
from tests.storage.test_risk import ACCOUNT, NOW, prepared


async def test_a_number_given_out_again_is_another_reduction(engine: AsyncEngine) -> None:
    await prepared(engine)
    async with engine.begin() as connection:
        row = await desk.load(connection, ACCOUNT, lock=True)
        await reductions.order_reduction(
            connection, row, share=Decimal(1), reason=ExitReason.HALT, by="ann", now=NOW
        )
    [first] = await reductions.unfinished(engine, ACCOUNT)
    [again] = await reductions.unfinished(engine, ACCOUNT)

    assert first.key == again.key
    assert first.key != replace(first, ordered_at=NOW + timedelta(days=1)).key
