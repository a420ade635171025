"""A live desk in the risk transaction: confirmation, region, first day, probation."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.permission import Access
from remora.domain.reasons import SkipReason
from remora.storage import desk, live
from remora.storage.case import DecisionRecord
from remora.storage.roster import Follow, publish_roster
from remora.storage.tables import Desk, Position
from tests.storage.test_risk import ACCOUNT, LIMITS, NOW, market, whale
from tests.storage.test_risk import ask as ask_in_twin

PAPER = AccountId("0x" + "bb" * 20)
FREE = Access(geoblocked=False, closed_only=False, country="IE")


@pytest.fixture
async def live_engine(engine: AsyncEngine) -> AsyncEngine:
    """Give a database with a live desk and a paper desk, both following one whale."""
    for account, mode in ((ACCOUNT, "live"), (PAPER, "paper")):
        await desk.ensure_desk(engine, account, venue_mode=mode, cash=Decimal(10_000), now=NOW, now_venue=NOW)
    follows = [Follow(whale=whale(0), edge=Decimal("0.10"), unproven=False)]
    await publish_roster(engine, follows, as_of=NOW, published_at=NOW, params={})
    return engine


async def _ask(engine: AsyncEngine, number: int) -> DecisionRecord:
    """Ask about a purchase in a market of its own."""
    return await ask_in_twin(engine, number, of=market(number))


async def _passed_probation(engine: AsyncEngine, *, edge: Decimal = Decimal("0.05"), closed: int = 10) -> None:
    """Write closed paper positions of the whale, the first fifteen days ago."""
    async with engine.begin() as connection:
        for number in range(closed):
            await connection.execute(insert(Position).values(**_closed(number, edge)))


def _closed(number: int, edge: Decimal) -> dict[str, object]:
    return {
        "id": f"p{number}",
        "workflow_id": f"w{number}",
        "run_id": f"r{number}",
        "account": PAPER,
        "whale": whale(0),
        "token_id": f"9{number}1",
        "condition_id": f"c{number}",
        "event_id": f"e{number}",
        "question": "?",
        "outcome": "Yes",
        "state": "closed",
        "unproven": False,
        "whale_price": Decimal("0.5"),
        "bought_shares": Decimal(10),
        "bought_notional": Decimal(5),
        "sold_shares": Decimal(10),
        "sold_notional": Decimal(5) + 10 * edge,
        "redeemed_shares": Decimal(0),
        "redeemed_dollars": Decimal(0),
        "cost": Decimal(0),
        "fees": Decimal(0),
        "opened_at": NOW - timedelta(days=15),
        "closed_at": NOW,
    }


async def test_every_gate_must_open_before_real_money_moves(live_engine: AsyncEngine) -> None:
    engine = live_engine
    reasons: list[SkipReason | None] = []

    async def look() -> None:
        reasons.append((await _ask(engine, len(reasons))).reason)

    await look()
    await _passed_probation(engine)
    await look()
    assert await live.confirm(engine, ACCOUNT, by="me", phrase="yes", now=NOW)
    await look()
    await live.write_access(engine, ACCOUNT, Access(geoblocked=True, closed_only=False, country="XX"), now=NOW)
    await look()
    await live.write_access(engine, ACCOUNT, Access(geoblocked=False, closed_only=True, country="IE"), now=NOW)
    await look()
    await live.write_access(engine, ACCOUNT, FREE, now=NOW - timedelta(hours=1))
    await look()
    await live.write_access(engine, ACCOUNT, FREE, now=NOW)
    await look()

    assert reasons == [
        SkipReason.PROBATION,
        SkipReason.NOT_CONFIRMED,
        SkipReason.ACCESS_UNKNOWN,
        SkipReason.REGION_BLOCKED,
        SkipReason.CLOSED_ONLY,
        SkipReason.ACCESS_UNKNOWN,
        None,
    ]


async def test_the_first_day_commits_no_more_than_its_limit_in_many_orders(live_engine: AsyncEngine) -> None:
    engine = live_engine
    await _passed_probation(engine)
    await live.confirm(engine, ACCOUNT, by="me", phrase="yes", now=NOW - timedelta(days=9))
    await live.write_access(engine, ACCOUNT, FREE, now=NOW)
    records = [await _ask(engine, number) for number in range(6)]

    async with engine.connect() as connection:
        spent = await connection.scalar(
            text("SELECT sum(notional) FROM orders WHERE account = :a"), {"a": ACCOUNT}
        )
        permission = await live.permission(connection, ACCOUNT)
    assert 0 < spent <= LIMITS.first_day_max_usd
    assert permission.spent == spent
    assert permission.began_at == NOW
    assert records[0].terms["bound_by"] == "first_day_limit"
    assert records[-1].reason is SkipReason.FIRST_DAY


async def test_a_named_whale_trades_unproven_until_the_name_is_taken_back(live_engine: AsyncEngine) -> None:
    engine = live_engine
    await live.confirm(engine, ACCOUNT, by="me", phrase="yes", now=NOW)
    await live.write_access(engine, ACCOUNT, FREE, now=NOW)
    await live.allow_whale(engine, ACCOUNT, whale(0), by="me", now=NOW)
    await live.allow_whale(engine, ACCOUNT, whale(0), by="somebody else", now=NOW)

    named = await _ask(engine, 1)
    (override,) = await live.allowed_whales(engine, ACCOUNT)
    assert await live.forbid_whale(engine, ACCOUNT, whale(0))
    assert not await live.forbid_whale(engine, ACCOUNT, whale(0))
    after = await _ask(engine, 2)

    assert (named.outcome, named.unproven) == ("copy", True)
    assert override.allowed_by == "me"
    assert after.reason is SkipReason.PROBATION


@pytest.mark.parametrize(("edge", "closed"), [("-0.05", 10), ("0.05", 9)])
async def test_losses_or_too_few_positions_on_paper_do_not_pass(
    live_engine: AsyncEngine, edge: str, closed: int
) -> None:
    await _passed_probation(live_engine, edge=Decimal(edge), closed=closed)

    assert (await _ask(live_engine, 1)).reason is SkipReason.PROBATION


@pytest.mark.parametrize("mode", ["twin", "paper_on_twin", "live"])
async def test_time_on_a_twin_or_with_real_money_is_no_time_on_paper(live_engine: AsyncEngine, mode: str) -> None:
    await _passed_probation(live_engine)
    async with live_engine.begin() as connection:
        await connection.execute(update(Desk).where(Desk.account == PAPER).values(venue_mode=mode))

    assert (await _ask(live_engine, 1)).reason is SkipReason.PROBATION


async def test_a_rehearsal_on_a_twin_needs_the_same_permissions(live_engine: AsyncEngine) -> None:
    await _passed_probation(live_engine)
    async with live_engine.begin() as connection:
        await connection.execute(update(Desk).where(Desk.account == ACCOUNT).values(venue_mode="live_on_twin"))

    assert (await _ask(live_engine, 1)).reason is SkipReason.NOT_CONFIRMED


async def test_a_confirmation_is_given_once(live_engine: AsyncEngine) -> None:
    assert await live.confirmation(live_engine, ACCOUNT) is None
    assert await live.confirm(live_engine, ACCOUNT, by="me", phrase="yes", now=NOW)
    assert not await live.confirm(live_engine, ACCOUNT, by="you", phrase="no", now=NOW + timedelta(days=9))

    found = await live.confirmation(live_engine, ACCOUNT)
    assert found is not None
    assert (found.confirmed_by, found.confirmed_at) == ("me", NOW)
