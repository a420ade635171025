"""``remora follow`` and ``unfollow``: wallets followed by name, in a version of the roster of their own."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.cli.errors import Exit
from remora.cli.main import run
from remora.domain.decide import RosterStatus
from remora.domain.ids import WalletAddress
from remora.storage import scores
from remora.storage.roster import Follow, load_roster, newest_params, standing, standing_of
from remora.storage.scores import load_seats
from remora.storage.seats import SeatRow

NOW = datetime.now(UTC)
EARNED, LOST = WalletAddress("0x" + "e1" * 20), WalletAddress("0x" + "10" * 20)
FIRST, SECOND = "0x" + "AA" * 20, "0x" + "bb" * 20
Remora = Callable[..., Awaitable[int]]


@pytest.fixture
def remora(postgres_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Remora:
    """Give a function that types a command."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)

    async def typed(*arguments: str) -> int:
        return await asyncio.to_thread(run, list(arguments))

    return typed


def seat(whale: WalletAddress, status: RosterStatus) -> SeatRow:
    follow = Follow(whale=whale, edge=Decimal("0.05"), unproven=False, status=status, score=Decimal(80))
    return SeatRow(follow=follow, since=NOW - timedelta(days=3), strikes=1, why="strike 1 of 2")


async def rescored(engine: AsyncEngine, run: str, *seats: SeatRow, published_at: datetime = NOW) -> None:
    await scores.begin_run(
        engine, run, as_of=published_at, started_at=NOW, shards=1, wallets=1, params={"half_spread": 0.005}
    )
    await scores.publish_run(engine, run, seats, [], funnel={"roster": 1}, notice="", published_at=published_at)


async def seats(engine: AsyncEngine) -> dict[str, SeatRow]:
    return {str(row.follow.whale): row for row in await load_seats(engine)}


async def test_named_wallets_are_followed_without_a_roster_and_kept_by_rescorings(
    remora: Remora, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await remora("follow", FIRST, SECOND, FIRST, "--reason", "a friend", "--by", "ann", "--json") == Exit.OK
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["followed_by_name"] == [FIRST.lower(), SECOND]
    row = (await seats(engine))[SECOND]
    assert (row.follow.unproven, row.follow.edge, row.why) == (True, Decimal(0), "followed by ann: a friend")

    await rescored(engine, "one", seat(EARNED, RosterStatus.ACTIVE))
    assert set(await seats(engine)) == {FIRST.lower(), SECOND, EARNED}
    assert (await seats(engine))[SECOND] == row


async def test_the_rest_of_the_roster_stays_as_it_is_and_as_old(
    remora: Remora, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    old = NOW - timedelta(hours=30)
    await rescored(engine, "one", seat(EARNED, RosterStatus.PROBATION), published_at=old)
    before = await seats(engine)

    assert await remora("follow", SECOND) == Exit.OK
    assert "2 wallets, 1 of them by name" in capsys.readouterr().out
    assert {name: row for name, row in (await seats(engine)).items() if name != SECOND} == before
    params = await newest_params(engine)
    assert (params["half_spread"], params["funnel"]) == (0.005, {"roster": 1})
    assert params["changed"]["what"] == "follow"
    assert params["changed"]["wallets"] == [SECOND]
    # scores that are stale do not become fresh because somebody was named
    async with engine.connect() as connection:
        found = standing_of((await connection.execute(standing(), {"whale": SECOND})).one())
    assert (found.on_roster, found.published_at) == (True, old)

    assert await remora("unfollow", SECOND, "--reason", "too dear") == Exit.OK
    assert await seats(engine) == before
    assert (await newest_params(engine))["changed"]["reason"] == "too dear"


async def test_what_cannot_be_is_refused_and_changes_nothing(
    remora: Remora, engine: AsyncEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    await rescored(engine, "one", seat(EARNED, RosterStatus.ACTIVE), seat(LOST, RosterStatus.DEMOTED))
    assert await remora("follow", FIRST) == Exit.OK
    before = await load_roster(engine)
    capsys.readouterr()

    for command, wallets, told in (
        ("follow", [FIRST], "is followed by name already"),
        ("follow", [SECOND, EARNED], "has a seat of its own: active"),
        ("unfollow", [FIRST, SECOND], f"{SECOND} is not followed"),
        ("unfollow", [EARNED], "its seat goes with its score alone"),
    ):
        assert await remora(command, *wallets) == Exit.REFUSED
        assert told in capsys.readouterr().err
    assert await remora("follow", "somebody") == Exit.USAGE
    assert "0x and 40 hexadecimal digits" in capsys.readouterr().err
    assert await load_roster(engine) == before

    # who was demoted may still be named
    assert await remora("follow", LOST) == Exit.OK
    follow = (await seats(engine))[LOST].follow
    assert (follow.unproven, follow.status) == (True, RosterStatus.ACTIVE)
