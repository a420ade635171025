"""Scoring runs and their outcome: shards once, publication once and all at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.ids import WalletAddress
from remora.domain.reasons import PositionState
from remora.storage.roster import write_roster
from remora.storage.score_tables import Score, ScoreRun, ScoreShard
from remora.storage.seats import SeatRow, one_writer, seats_in, write_seats
from remora.storage.tables import Desk, Position

SCORES_AT_ONCE = 2_000
RUNS_KEPT = 40
"""Runs whose scores are kept: ten days of four a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One rescoring as it was planned, and what came of it."""

    id: str
    as_of: datetime
    shards: int
    wallets: int
    params: dict[str, Any]
    roster_version: int | None
    finished_at: datetime | None
    funnel: dict[str, Any]
    notice: str
    learned: dict[str, Any] | None = None


async def begin_run(
    engine: AsyncEngine,
    run: str,
    *,
    as_of: datetime,
    started_at: datetime,
    shards: int,
    wallets: int,
    params: Mapping[str, Any],
) -> Run:
    """Write down a run; one that is there already stays as it was planned."""
    async with engine.begin() as connection:
        await connection.execute(
            upsert(ScoreRun)
            .values(
                id=run,
                as_of=as_of,
                started_at=started_at,
                shards=shards,
                wallets=wallets,
                params=dict(params),
                funnel={},
                notice="",
            )
            .on_conflict_do_nothing()
        )
    return await load_run(engine, run)


async def load_run(engine: AsyncEngine, run: str) -> Run:
    """Return a run; raise LookupError if there is none."""
    async with engine.connect() as connection:
        return await _load(connection, ScoreRun.id == run)


async def newest_run(engine: AsyncEngine) -> Run | None:
    """Return the run that was published last, None before the first."""
    async with engine.connect() as connection:
        newest = select(func.max(ScoreRun.roster_version)).scalar_subquery()
        try:
            return await _load(connection, ScoreRun.roster_version == newest)
        except LookupError:
            return None


async def _load(connection: AsyncConnection, where: Any) -> Run:
    row = (await connection.execute(select(ScoreRun.__table__).where(where))).mappings().first()
    if row is None:
        raise LookupError("no such scoring run")
    values = {name: row[name] for name in Run.__slots__}
    return Run(**values)


async def shard_wallets(engine: AsyncEngine, run: str, number: int) -> int | None:
    """Return how many wallets a finished shard holds, None while it is not finished."""
    async with engine.connect() as connection:
        found = await connection.scalar(
            select(ScoreShard.wallets).where(ScoreShard.run == run, ScoreShard.number == number)
        )
    return None if found is None else int(found)


async def save_shard(
    engine: AsyncEngine,
    run: str,
    number: int,
    *,
    records: bytes,
    wallets: int,
    left_out: Mapping[str, int],
    finished_at: datetime,
) -> None:
    """Keep what a shard found; the first to finish wins."""
    async with engine.begin() as connection:
        await connection.execute(
            upsert(ScoreShard)
            .values(
                run=run,
                number=number,
                records=records,
                wallets=wallets,
                left_out=dict(left_out),
                finished_at=finished_at,
            )
            .on_conflict_do_nothing()
        )


async def save_lesson(engine: AsyncEngine, run: str, lesson: Mapping[str, Any]) -> None:
    """Keep what the run's purchases taught; the first to finish wins."""
    async with engine.begin() as connection:
        await connection.execute(
            update(ScoreRun).where(ScoreRun.id == run, ScoreRun.learned.is_(None)).values(learned=dict(lesson))
        )


async def load_shards(engine: AsyncEngine, run: str) -> tuple[list[bytes], dict[str, int]]:
    """Return the records of all shards in order, and the rows that were left out by reason."""
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(ScoreShard.records, ScoreShard.left_out)
            .where(ScoreShard.run == run)
            .order_by(ScoreShard.number)
        )
        blobs: list[bytes] = []
        left_out: dict[str, int] = {}
        for records, counts in rows:
            blobs.append(records)
            for reason, count in counts.items():
                left_out[reason] = left_out.get(reason, 0) + count
    return blobs, left_out


async def load_seats(engine: AsyncEngine) -> list[SeatRow]:
    """Return the seats of the newest roster version; those without a history of their own, since its date."""
    async with engine.connect() as connection:
        return await seats_in(connection)


async def paper_records(
    engine: AsyncEngine, *, books: str = "paper"
) -> dict[WalletAddress, list[tuple[datetime, float]]]:
    """Return each whale's closed positions on desks of one mode: when, and dollars earned per share.

    A twin's own desk counts its own; everywhere else only paper on real markets counts, no rehearsal on a twin.
    """
    gained = Position.sold_notional + Position.redeemed_dollars - Position.bought_notional - Position.fees
    async with engine.connect() as connection:
        rows = await connection.execute(
            select(Position.whale, Position.closed_at, gained / Position.bought_shares)
            .join(Desk, Desk.account == Position.account)
            .where(
                Desk.venue_mode == books,
                Position.state == PositionState.CLOSED.value,
                Position.closed_at.is_not(None),
                Position.bought_shares > 0,
            )
            .order_by(Position.closed_at)
        )
        found: dict[WalletAddress, list[tuple[datetime, float]]] = {}
        for whale, closed_at, edge in rows:
            assert closed_at is not None
            found.setdefault(WalletAddress(whale), []).append((closed_at, float(edge)))
    return found


async def publish_run(
    engine: AsyncEngine,
    run: str,
    seats: Sequence[SeatRow],
    scores: Sequence[Mapping[str, Any]],
    *,
    funnel: Mapping[str, Any],
    notice: str,
    published_at: datetime,
    age: timedelta = timedelta(0),
    learned: Mapping[str, Any] | None = None,
    left_out: Mapping[str, int] | None = None,
) -> int:
    """Write scores and a new roster version in one transaction and return its number.

    `learned` is what the version says of the learned model, `left_out` counts rows that could not be used. Wallets
    that a person follows by name stay beside `seats`, unless they have earned one. The roster's age counts from
    what it knows: it begins with `age`.

    A run that was published already keeps its version: nothing is written twice.
    """
    async with engine.begin() as connection:
        row = (
            (await connection.execute(select(ScoreRun.__table__).where(ScoreRun.id == run).with_for_update()))
            .mappings()
            .one()
        )
        if row["roster_version"] is not None:
            return int(row["roster_version"])
        seats = [*seats, *await _named(connection, {seat.follow.whale for seat in seats})]
        recorded = {**row["params"], "source": "rescore", "run": run, "funnel": dict(funnel)}
        recorded |= {"learned": None if learned is None else dict(learned), "left_out": dict(left_out or {})}
        version = await write_roster(
            connection,
            [seat.follow for seat in seats],
            as_of=row["as_of"],
            published_at=published_at - age,
            params=recorded,
        )
        for first in range(0, len(scores), SCORES_AT_ONCE):
            some = [{"run": run, **score} for score in scores[first : first + SCORES_AT_ONCE]]
            await connection.execute(insert(Score), some)
        await write_seats(connection, version, seats)
        await connection.execute(
            update(ScoreRun)
            .where(ScoreRun.id == run)
            .values(
                roster_version=version,
                finished_at=published_at,
                funnel=dict(funnel),
                notice=notice,
                # the model is in the roster now; the wallets' edges in it may be many
                learned=None if row["learned"] is None else {**row["learned"], "model": None},
            )
        )
        await _forget(connection, run)
        return version


async def _named(connection: AsyncConnection, taken: Collection[WalletAddress]) -> list[SeatRow]:
    """Return the newest version's wallets followed by name, of those not `taken`; nobody writes one meanwhile."""
    await one_writer(connection)
    return [row for row in await seats_in(connection) if row.follow.unproven and row.follow.whale not in taken]


async def _forget(connection: AsyncConnection, run: str) -> None:
    """Remove the records of this run's shards, and runs that are too old."""
    await connection.execute(delete(ScoreShard).where(ScoreShard.run == run))
    kept = select(ScoreRun.id).order_by(ScoreRun.started_at.desc()).limit(RUNS_KEPT)
    await connection.execute(delete(ScoreRun).where(ScoreRun.id.not_in(kept)))
