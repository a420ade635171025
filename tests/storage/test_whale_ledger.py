"""The ledger by whale sums to the whole, and the database refuses what would break it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import OrderDigest
from remora.domain.money import Side
from remora.domain.orders import Fill, FillStatus, OrderRequest, SignedOrder
from remora.domain.reasons import ExitReason
from remora.storage import fills, orders, positions
from remora.storage.books import equity, our_books
from remora.storage.redemptions import book_redemption, owed_and_booked
from remora.storage.whale_ledger import by_whale
from tests.storage.test_risk import ACCOUNT, NOW, ask, filled, market, prepared, whale

D = Decimal


async def bought(engine: AsyncEngine, number: int, *, who: int, of: int | None = None) -> str:
    """Let a whale's purchase be copied and filled with a fee; return the position."""
    record = await ask(engine, number, who=who, of=market(number if of is None else of))
    assert record.order_id is not None
    assert record.position_id is not None
    fill = replace(await filled(engine, record), fee=D("0.123457"))
    await fills.record_fills(engine, record.order_id, [fill], now=NOW)
    return record.position_id


async def sold(engine: AsyncEngine, position_id: str, shares: str, price: str) -> None:
    row = await positions.load_position(engine, position_id)
    request = OrderRequest(
        token_id=row.token_id,
        condition_id=row.condition_id,
        side=Side.SELL,
        shares=D(shares),
        limit_price=D(price),
    )
    await orders.create_exit_intent(
        engine, position_id, request, order_id="x1", reason=ExitReason.STOP_LOSS, now=NOW, now_venue=NOW
    )
    await orders.attach_signed(engine, "x1", SignedOrder(digest=OrderDigest("0xs"), payload="s"), now=NOW)
    fill = Fill(
        trade_id="s",
        order_digest=OrderDigest("0xs"),
        token_id=row.token_id,
        side=Side.SELL,
        shares=D(shares),
        price=D(price),
        fee=D("0.77777"),
        status=FillStatus.CONFIRMED,
        matched_at=NOW,
        transaction_hash="",
    )
    await fills.record_fills(engine, "x1", [fill], now=NOW)


async def test_whales_sum_to_the_last_unit_to_the_account(engine: AsyncEngine) -> None:
    await prepared(engine, whales=3)
    held = [await bought(engine, number, who=number % 3) for number in range(5)]
    await sold(engine, held[0], "33.33", "0.613")
    resolved = market(1)
    payouts = {resolved.outcomes[0].token_id: D("0.5"), resolved.outcomes[1].token_id: D("0.5")}
    await book_redemption(engine, ACCOUNT, resolved.condition_id, payouts=payouts, now=NOW)
    await positions.set_mark(engine, held[2], D("0.447"))

    found, books = await by_whale(engine, ACCOUNT), await our_books(engine, ACCOUNT)

    assert [(one.whale, one.positions) for one in found] == [(whale(0), 2), (whale(1), 2), (whale(2), 1)]
    assert D(10_000) + sum(one.cash_flow for one in found) == books.cash
    assert sum(one.fees for one in found) == books.fees > 0
    assert sum(one.shares for one in found) == sum(books.shares.values())
    assert D(10_000) + sum(one.pnl for one in found) == await equity(engine, ACCOUNT)


async def test_what_was_paid_for_shares_that_are_not_booked_yet_is_left_to_them(engine: AsyncEngine) -> None:
    await prepared(engine, whales=2)
    known = await bought(engine, 1, who=0)
    resolved = market(1)
    payouts = {resolved.outcomes[0].token_id: D(1), resolved.outcomes[1].token_id: D(1)}
    held = (await positions.load_position(engine, known)).books.shares
    terms: dict[str, Any] = {"payouts": payouts, "now": NOW}

    # twice the shares were redeemed, and a tenth less than promised was paid
    assert await book_redemption(engine, ACCOUNT, resolved.condition_id, paid=held * D("1.8"), **terms) == held
    late = await bought(engine, 2, who=1, of=1)
    owed, booked = await owed_and_booked(engine, ACCOUNT, resolved.condition_id, payouts=payouts)
    assert booked == held
    rest = held * D("1.8") - booked
    assert await book_redemption(engine, ACCOUNT, resolved.condition_id, paid=rest, **terms) == rest < owed

    assert (await positions.load_position(engine, late)).books.redeemed_dollars == rest
    assert await owed_and_booked(engine, ACCOUNT, resolved.condition_id, payouts=payouts) == (D(0), held + rest)


SHARES = """
    WITH made AS (
        INSERT INTO ledger_transactions (account, kind, reference, at)
        SELECT account, 'fix', 'x', at FROM ledger_transactions LIMIT 1 RETURNING id, account
    )
    INSERT INTO ledger_entries (transaction_id, account, position_id, book, unit, amount)
    SELECT made.id, made.account, p.id, book, 'share:' || p.token_id, amount
    FROM made, positions p, (VALUES ('holdings', -1000.0), ('exchange', 1000.0)) AS moved (book, amount)
"""
"""More shares than the position has."""

NOBODYS = """
    INSERT INTO ledger_entries (transaction_id, account, book, unit, amount)
    SELECT id, account, book, 'usd', amount
    FROM ledger_transactions, (VALUES ('cash', -1.0), ('fees', 1.0)) AS moved (book, amount)
"""
"""A fee of no position."""


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE positions SET fees = fees + 1", "its ledger"),
        ("UPDATE positions SET sold_shares = sold_shares + 1", "its ledger"),
        ("UPDATE positions SET bought_shares = bought_shares + 1", "its ledger"),
        ("TRUNCATE ledger_entries", "append-only"),
        (SHARES, "would hold"),
        (NOBODYS, "ck_ledger_entries_owner"),
    ],
    ids=["fees", "sold", "bought", "emptied", "short", "nobodys"],
)
async def test_the_database_refuses_books_that_disagree(
    engine: AsyncEngine, statement: str, complaint: str
) -> None:
    await prepared(engine)
    await bought(engine, 1, who=0)

    with pytest.raises(DBAPIError, match=complaint):
        async with engine.begin() as connection:
            await connection.execute(text(statement))
    assert (await our_books(engine, ACCOUNT)).cash < D(10_000)
