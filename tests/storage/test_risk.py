"""The risk transaction spends no dollar twice and books what really happened."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.books import Level, OrderBook
from remora.domain.chance import UNJUDGED, Learned, LearnedModel
from remora.domain.funnel import funnel_of
from remora.domain.ids import AccountId, ConditionId, EventId, OrderDigest, TokenId, WalletAddress
from remora.domain.limits import Limits
from remora.domain.market import Market, MarketClass, Outcome, ResolutionStatus
from remora.domain.money import Side
from remora.domain.orders import Fill, FillStatus, OrderRequest, OrderState, SignedOrder
from remora.domain.reasons import DeskMode, ExitReason, PositionState, SkipReason
from remora.domain.trades import Signal, TradeSource
from remora.storage import desk, fills, orders, positions
from remora.storage.books import our_books
from remora.storage.case import Case, DecisionRecord, decision_id
from remora.storage.decisions import count_outcomes, list_decisions
from remora.storage.risk import decide_and_record
from remora.storage.roster import Follow, publish_roster
from remora.storage.summary import summarise

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ACCOUNT = AccountId("0x" + "aa" * 20)
YES, NO = TokenId("101"), TokenId("102")
LIMITS = Limits(entry_orders_per_minute=1000)


def whale(number: int) -> WalletAddress:
    return WalletAddress(f"0x{number:040x}")


def market(number: int = 0) -> Market:
    return Market(
        condition_id=ConditionId(f"0x{number:064x}"),
        question=f"Will it, {number}?",
        slug="will-it",
        event_id=EventId(str(number)),
        event_slug="it",
        category="politics",
        market_class=MarketClass.STANDARD,
        outcomes=(Outcome(TokenId(f"{number}1"), "Yes"), Outcome(TokenId(f"{number}2"), "No")),
        tick_size=Decimal("0.01"),
        min_order_size=Decimal(5),
        neg_risk=False,
        fee_rate=Decimal("0.04"),
        fee_exponent=1,
        volume_24h_usd=Decimal(100_000),
        end_at=NOW + timedelta(days=10),
        accepting_orders=True,
        closed=False,
        resolution=ResolutionStatus.OPEN,
        payouts=None,
    )


def book(token: TokenId) -> OrderBook:
    return OrderBook(
        token_id=token,
        bids=(Level(Decimal("0.49"), Decimal(100_000)),),
        asks=(Level(Decimal("0.50"), Decimal(100_000)),),
        as_of=NOW,
        tick_size=Decimal("0.01"),
    )


async def prepared(
    engine: AsyncEngine, whales: int = 1, cash: str = "10000", params: dict[str, Any] | None = None
) -> None:
    await desk.ensure_desk(engine, ACCOUNT, venue_mode="twin", cash=Decimal(cash), now=NOW, now_venue=NOW)
    follows = [Follow(whale=whale(n), edge=Decimal("0.10"), unproven=False) for n in range(whales)]
    await publish_roster(engine, follows, as_of=NOW, published_at=NOW, params=params or {})


async def ask(
    engine: AsyncEngine,
    number: int,
    *,
    who: int = 0,
    of: Market | None = None,
    run: str | None = None,
    besides: tuple[int, ...] = (),
    position_id: str | None = None,
) -> DecisionRecord:
    chosen = of or market()
    token = chosen.outcomes[0].token_id
    signal = Signal(
        key=f"t{number}",
        trade_keys=(f"t{number}", *(f"t{other}" for other in besides)),
        whale=whale(who),
        token_id=token,
        condition_id=chosen.condition_id,
        side=Side.BUY,
        price=Decimal("0.50"),
        size=Decimal(1000),
        happened_at=NOW,
        seen_at=NOW,
        source=TradeSource.RTDS,
    )
    run_id = run or f"run-{number}"
    case = Case(
        account=ACCOUNT,
        workflow_id=f"position/{ACCOUNT}/{whale(who)}/{token}",
        run_id=run_id,
        signal=signal,
        now_wall=NOW,
        now_venue=NOW,
        position_id=position_id,
        decision_id=decision_id(run_id, signal),
    )
    return await decide_and_record(engine, case, market=chosen, book=book(token), limits=LIMITS)


async def filled(engine: AsyncEngine, record: DecisionRecord, *, status: FillStatus = FillStatus.MATCHED) -> Fill:
    assert record.order_id is not None
    order = await orders.load_order(engine, record.order_id)
    digest = OrderDigest(f"0x{record.order_id}")
    await orders.attach_signed(engine, order.id, SignedOrder(digest=digest, payload="{}"), now=NOW)
    return Fill(
        trade_id=f"trade-{order.id}",
        order_digest=digest,
        token_id=order.request.token_id,
        side=order.request.side,
        shares=Decimal(100),
        price=Decimal("0.50"),
        fee=Decimal(1),
        status=status,
        matched_at=NOW,
        transaction_hash="",
    )


async def test_a_re_run_of_the_same_workflow_gets_the_same_record(engine: AsyncEngine) -> None:
    await prepared(engine)

    first = await ask(engine, 1)
    again = await ask(engine, 1)

    assert first.outcome == "copy"
    assert again == first


async def test_a_decision_tells_whose_chance_sized_it(engine: AsyncEngine) -> None:
    used = LearnedModel(
        intercept=0.3,
        price=1.0,
        skill=0.0,
        usd=0.0,
        to_end=0.0,
        categories=(),
        skills=(),
        knots=((0.0, 0.0), (1.0, 1.0)),
    )
    verdicts = [None, Learned("not used because it lost"), Learned("used because it won", used)]
    notional = []
    for number, verdict in enumerate(verdicts):
        await prepared(engine, params={} if verdict is None else {"learned": verdict.recorded()})
        found = await ask(engine, number, of=market(number))
        assert found.outcome == "copy"
        assert found.terms["learned_model"] == (UNJUDGED if verdict is None else verdict).why
        notional.append((found.terms["probability_source"], Decimal(found.terms["notional"])))
        assert (await ask(engine, number, of=market(number))).terms == found.terms

    assert [source for source, _ in notional] == ["shrunk_edge", "shrunk_edge", "learned_model"]
    assert notional[0][1] == notional[1][1] > 0
    assert notional[2][1] != notional[0][1]


async def test_a_late_duplicate_is_told_from_a_re_run(engine: AsyncEngine) -> None:
    await prepared(engine)
    first = await ask(engine, 1)
    assert first.position_id is not None
    await positions.finish_position(
        engine, first.position_id, PositionState.UNFILLED, exit_reason=None, now=NOW, now_venue=NOW
    )

    late = await ask(engine, 1, run="another")

    assert late.reason is SkipReason.DUPLICATE


@pytest.mark.parametrize("besides", [(2, 3), (0,)], ids=["under the same key", "under another key"])
async def test_trades_that_came_with_one_that_was_decided_before_are_decided_too(
    engine: AsyncEngine, besides: tuple[int, ...]
) -> None:
    await prepared(engine)
    first = await ask(engine, 1, run="run")

    wider = await ask(engine, 1, run="run", besides=besides, position_id=first.position_id)
    again = await ask(engine, 1, run="run", besides=besides, position_id=first.position_id)

    assert wider.decision_id == again.decision_id != first.decision_id
    assert {row["signal_key"] for row in await list_decisions(engine, ACCOUNT)} == {"t1", f"t{besides[0]}"}
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT trade_key, decision_id FROM consumed_trades"))).all()
    of_wider = {f"t{number}": wider.decision_id for number in besides}
    assert dict(tuple(row) for row in rows) == {"t1": first.decision_id} | of_wider


async def test_a_decision_that_went_by_another_name_before_an_upgrade_is_found_by_its_trades(
    engine: AsyncEngine,
) -> None:
    await prepared(engine)
    first = await ask(engine, 1, run="run", besides=(2,))
    async with engine.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        for table, column in (("decisions", "id"), ("consumed_trades", "decision_id"), ("orders", "decision_id")):
            await connection.execute(text(f"UPDATE {table} SET {column} = 'named-by-its-first-key'"))

    again = await ask(engine, 1, run="run", besides=(2,))

    assert (again.decision_id, again.order_id) == ("named-by-its-first-key", first.order_id)


async def test_a_holding_without_its_workflow_is_orphaned(engine: AsyncEngine) -> None:
    await prepared(engine)
    await ask(engine, 1)

    assert (await ask(engine, 2, run="another")).reason is SkipReason.ORPHANED


async def test_fifty_deliveries_at_once_make_one_copy(engine: AsyncEngine) -> None:
    await prepared(engine)

    records = await asyncio.gather(*(ask(engine, 1, run=f"run-{n}") for n in range(50)))

    assert [record.outcome for record in records].count("copy") == 1
    assert (await summarise(engine, ACCOUNT)).copied == 1


async def test_racing_decisions_never_exceed_a_limit_or_the_cash(engine: AsyncEngine) -> None:
    await prepared(engine, whales=10, cash="1000")

    records = await asyncio.gather(
        *(ask(engine, n, who=n % 10, of=market(n % 30)) for n in range(60)), return_exceptions=False
    )

    copied = [record for record in records if record.outcome == "copy"]
    reserved = sum(Decimal(record.terms["reserve"]) for record in copied)
    by_whale: dict[int, Decimal] = {}
    for number, record in enumerate(records):
        if record.outcome == "copy":
            by_whale[number % 10] = by_whale.get(number % 10, Decimal(0)) + Decimal(record.terms["notional"])
    assert copied
    assert reserved <= Decimal(1000)
    assert max(by_whale.values()) <= Decimal(300)
    assert all(Decimal(record.terms["notional"]) <= Decimal(50) for record in copied)


async def test_a_paused_desk_takes_no_entry_and_the_change_is_audited(engine: AsyncEngine) -> None:
    await prepared(engine)
    await desk.set_desk_mode(engine, ACCOUNT, mode=DeskMode.PAUSED, by="ann", reason="lunch", now=NOW)

    assert (await ask(engine, 1)).reason is SkipReason.DESK_PAUSED
    (entry,) = await desk.audit_trail(engine, ACCOUNT)
    assert (entry["by"], entry["reason"], entry["before"]) == ("ann", "lunch", {"mode": "trading"})


async def test_a_fill_moves_cash_once_however_often_it_is_told(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    fill = await filled(engine, record)

    for _ in range(3):
        await fills.record_fills(engine, record.order_id, [fill, fill], now=NOW)

    books = await our_books(engine, ACCOUNT)
    assert (books.cash, books.fees) == (Decimal(9949), Decimal(1))
    assert books.shares == {fill.token_id: Decimal(100)}


async def test_a_failed_settlement_gives_everything_back(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    fill = await filled(engine, record)
    await fills.record_fills(engine, record.order_id, [fill], now=NOW)

    failed = await filled(engine, record, status=FillStatus.FAILED)
    await fills.record_fills(engine, record.order_id, [failed], now=NOW)
    await fills.record_fills(engine, record.order_id, [fill], now=NOW)

    books = await our_books(engine, ACCOUNT)
    assert (books.cash, books.shares, books.fees) == (Decimal(10_000), {}, Decimal(0))


async def test_an_exit_never_sells_more_than_the_position_holds(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    assert record.position_id is not None
    await fills.record_fills(engine, record.order_id, [await filled(engine, record)], now=NOW)
    request = OrderRequest(
        token_id=YES,
        condition_id=market().condition_id,
        side=Side.SELL,
        shares=Decimal(80),
        limit_price=Decimal("0.40"),
    )

    async def sell(name: str) -> Decimal | None:
        assert record.position_id is not None
        row = await orders.create_exit_intent(
            engine,
            record.position_id,
            request,
            order_id=name,
            reason=ExitReason.OPERATOR,
            now=NOW,
            now_venue=NOW,
        )
        return None if row is None else row.request.shares

    sold = await asyncio.gather(sell("x1"), sell("x2"), sell("x3"))

    assert sorted(shares or Decimal(0) for shares in sold) == [Decimal(0), Decimal(20), Decimal(80)]
    assert await sell("x1") in (Decimal(80), Decimal(20), None)


async def test_the_first_signature_wins(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    one = SignedOrder(digest=OrderDigest("0x1"), payload="one")
    two = SignedOrder(digest=OrderDigest("0x2"), payload="two")

    assert await orders.attach_signed(engine, record.order_id, one, now=NOW) == one
    assert await orders.attach_signed(engine, record.order_id, two, now=NOW) == one


async def test_a_finished_order_releases_its_reservation_and_stays_finished(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    await orders.set_order_state(engine, record.order_id, OrderState.REJECTED, now=NOW, code="c", message="m")
    await orders.set_order_state(engine, record.order_id, OrderState.UNKNOWN, now=NOW)

    assert (await orders.load_order(engine, record.order_id)).state is OrderState.REJECTED
    async with engine.connect() as connection:
        left = await connection.scalar(text("SELECT count(*) FROM reservations WHERE released_at IS NULL"))
    assert left == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount = amount + 1",
        "DELETE FROM ledger_transactions",
        (
            "INSERT INTO ledger_entries (transaction_id, account, book, unit, amount) "
            "SELECT id, account, 'cash', 'usd', 5 FROM ledger_transactions"
        ),
    ],
)
async def test_the_database_itself_guards_the_ledger(engine: AsyncEngine, statement: str) -> None:
    await prepared(engine)

    with pytest.raises(DBAPIError):
        async with engine.begin() as connection:
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("code", "reason"), [("deadline", SkipReason.DEADLINE), ("fak_not_filled", SkipReason.ORDER_REJECTED)]
)
async def test_a_copy_whose_order_was_refused_is_found_under_its_reason(
    engine: AsyncEngine, code: str, reason: SkipReason
) -> None:
    await prepared(engine)
    refused, sent = await ask(engine, 1), await ask(engine, 2, of=market(1))
    assert refused.order_id is not None
    await orders.set_order_state(
        engine, refused.order_id, OrderState.REJECTED, now=NOW, code=code, message="the venue's words"
    )

    (row,) = await list_decisions(engine, ACCOUNT, reason=reason)
    assert (row["id"], row["outcome"], row["detail"]) == (refused.decision_id, "copy", "the venue's words")
    everything = {row["id"]: row["reason"] for row in await list_decisions(engine, ACCOUNT)}
    assert everything == {refused.decision_id: reason.value, sent.decision_id: None}
    counts = await count_outcomes(engine, ACCOUNT, since=NOW, until=NOW)
    funnel = funnel_of(counts, since=NOW)
    assert (funnel.signals, funnel.copied) == (2, 1)
    assert [(step.reason, step.stopped) for step in funnel.steps] == [(reason, 1)]


async def test_a_purchase_that_nobody_signed_ends_with_its_position(engine: AsyncEngine) -> None:
    await prepared(engine)
    record = await ask(engine, 1)
    assert record.order_id is not None
    assert record.position_id is not None

    await positions.finish_position(
        engine, record.position_id, PositionState.UNFILLED, exit_reason=None, now=NOW, now_venue=NOW
    )

    order = await orders.load_order(engine, record.order_id)
    assert (order.state, order.reject_code) == (OrderState.REJECTED, "never_sent")
    late = SignedOrder(digest=OrderDigest("0x1"), payload="{}")
    assert await orders.attach_signed(engine, order.id, late, now=NOW) is None, (
        "who still means to sign it may not"
    )
    async with engine.connect() as connection:
        kept = await connection.scalar(text("SELECT count(*) FROM reservations WHERE released_at IS NULL"))
    assert kept == 0
