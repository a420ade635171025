from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.decide import RosterStatus
from remora.domain.ids import AccountId, WalletAddress
from remora.domain.reasons import PositionState
from remora.storage import scores
from remora.storage.desk import ensure_desk
from remora.storage.roster import Follow, load_roster, publish_roster
from remora.storage.score_tables import Score
from remora.storage.seats import SeatRow
from remora.storage.tables import Position

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WHALE = WalletAddress("0x" + "aa" * 20)


async def begun(engine: AsyncEngine, run: str = "one", **changed: Any) -> scores.Run:
    facts: dict[str, Any] = {"as_of": NOW, "started_at": NOW, "shards": 2, "wallets": 3, "params": {"a": 1}}
    return await scores.begin_run(engine, run, **(facts | changed))


def seat(status: RosterStatus = RosterStatus.PROBATION) -> SeatRow:
    follow = Follow(whale=WHALE, edge=Decimal("0.05"), unproven=False, status=status, score=Decimal(80))
    return SeatRow(follow=follow, since=NOW - timedelta(days=3), strikes=1, why="strike 1 of 2")


def score(wallet: str, gate: str | None) -> dict[str, Any]:
    numbers = dict.fromkeys(("edge", "q", "sharpe", "win_rate", "score", "score_low"))
    return {"wallet": wallet, "gate": gate, "screen": None, "detail": "", "closed_events": 3, "wins": 1, **numbers}


async def test_a_run_stays_as_it_was_planned(engine: AsyncEngine) -> None:
    first = await begun(engine)

    assert await begun(engine, shards=9, as_of=NOW + timedelta(days=1)) == first
    with pytest.raises(LookupError):
        await scores.load_run(engine, "another")


async def test_the_first_to_finish_a_shard_wins(engine: AsyncEngine) -> None:
    await begun(engine)
    assert await scores.shard_wallets(engine, "one", 0) is None
    for records, wallets in ((b"first", 3), (b"second", 4)):
        await scores.save_shard(
            engine, "one", 0, records=records, wallets=wallets, left_out={"unusable": 2}, finished_at=NOW
        )
    await scores.save_shard(engine, "one", 1, records=b"b", wallets=1, left_out={"unusable": 1}, finished_at=NOW)

    assert await scores.shard_wallets(engine, "one", 0) == 3
    assert await scores.load_shards(engine, "one") == ([b"first", b"b"], {"unusable": 3})


async def test_a_run_is_published_once_and_all_at_once(engine: AsyncEngine) -> None:
    await begun(engine)
    found = [score("w1", "sample_too_small"), score("w2", None)]
    facts: dict[str, Any] = {"funnel": {"sample_too_small": 1, "roster": 1}, "notice": "", "published_at": NOW}
    version = await scores.publish_run(engine, "one", [seat()], found, **facts)
    again = await scores.publish_run(engine, "one", [], [], **facts)

    assert again == version
    assert await scores.load_seats(engine) == [seat()]
    assert [follow.whale for follow in await load_roster(engine)] == [WHALE]
    newest = await scores.newest_run(engine)
    assert newest is not None
    assert newest.roster_version == version
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(Score)) == 2


async def test_a_publication_that_fails_leaves_nothing(engine: AsyncEngine) -> None:
    await begun(engine)
    twice = [score("w1", None), score("w1", None)]
    with pytest.raises(Exception, match="pk_scores"):
        await scores.publish_run(engine, "one", [seat()], twice, funnel={}, notice="", published_at=NOW)

    assert await load_roster(engine) == []
    assert await scores.newest_run(engine) is None


async def test_wallets_without_a_seat_of_their_own_sit_since_the_rosters_date(engine: AsyncEngine) -> None:
    follow = Follow(whale=WHALE, edge=Decimal(0), unproven=True)
    await publish_roster(engine, [follow], as_of=NOW, published_at=NOW + timedelta(hours=1), params={})

    (row,) = await scores.load_seats(engine)
    assert (row.since, row.strikes, row.follow.unproven) == (NOW, 0, True)


@pytest.mark.parametrize(
    ("mode", "books", "expected"),
    [
        ("paper", "paper", [0.2]),
        ("twin", "twin", [0.2]),
        ("twin", "paper", []),
        ("paper_on_twin", "paper", []),
        ("paper_on_twin", "twin", []),
        ("live", "paper", []),
        ("live_on_twin", "paper", []),
    ],
)
async def test_paper_records_are_dollars_per_share_of_closed_positions(
    engine: AsyncEngine, mode: str, books: str, expected: list[float]
) -> None:
    account = AccountId("0x" + "ee" * 20)
    await ensure_desk(engine, account, venue_mode=mode, cash=Decimal(1000), now=NOW, now_venue=NOW)
    closed: dict[str, Any] = {
        "id": "p1",
        "workflow_id": "w",
        "run_id": "r",
        "account": account,
        "whale": WHALE,
        "token_id": "1",
        "condition_id": "c",
        "event_id": "e",
        "question": "",
        "outcome": "",
        "state": PositionState.CLOSED.value,
        "unproven": False,
        "whale_price": Decimal("0.5"),
        "bought_shares": Decimal(10),
        "bought_notional": Decimal(5),
        "sold_shares": Decimal(4),
        "sold_notional": Decimal("1.5"),
        "redeemed_shares": Decimal(6),
        "redeemed_dollars": Decimal(6),
        "cost": Decimal(0),
        "fees": Decimal("0.5"),
        "opened_at": NOW,
        "closed_at": NOW,
    }
    still_open = closed | {"id": "p2", "state": PositionState.OPEN.value, "closed_at": None}
    async with engine.begin() as connection:
        await connection.execute(insert(Position), [closed, still_open])

    found = await scores.paper_records(engine, books=books)
    assert [edge for _, edge in found.get(WHALE, [])] == pytest.approx(expected)
