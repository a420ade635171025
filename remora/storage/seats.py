"""The seats of roster versions, and new versions in which a person follows other wallets by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.storage.roster import Follow, follow_of, write_roster
from remora.storage.score_tables import RosterSeat
from remora.storage.tables import Roster, RosterEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """A wallet's place on the newest roster."""

    follow: Follow
    since: datetime
    strikes: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A roster version: when it was published (its age counts from here) and its seats."""

    number: int
    published_at: datetime
    seats: tuple[SeatRow, ...]


async def seats_in(connection: AsyncConnection) -> list[SeatRow]:
    """Return the seats of the newest roster version; those without a history of their own, since its date."""
    newest = select(func.max(Roster.version)).scalar_subquery()
    rows = await connection.execute(
        select(RosterEntry.__table__, Roster.as_of, RosterSeat.since, RosterSeat.strikes, RosterSeat.why)
        .join(Roster, Roster.version == RosterEntry.version)
        .outerjoin(
            RosterSeat, (RosterSeat.version == RosterEntry.version) & (RosterSeat.whale == RosterEntry.whale)
        )
        .where(RosterEntry.version == newest)
        .order_by(RosterEntry.whale)
    )
    return [
        SeatRow(
            follow=follow_of(row),
            since=row["since"] or row["as_of"],
            strikes=row["strikes"] or 0,
            why=row["why"] or "",
        )
        for row in rows.mappings()
    ]


async def write_seats(connection: AsyncConnection, version: int, seats: Sequence[SeatRow]) -> None:
    """Write the seats of a version within a transaction."""
    rows = [
        {
            "version": version,
            "whale": seat.follow.whale,
            "since": seat.since,
            "strikes": seat.strikes,
            "why": seat.why,
        }
        for seat in seats
    ]
    if rows:
        await connection.execute(insert(RosterSeat), rows)


async def one_writer(connection: AsyncConnection) -> None:
    """Wait until nobody else writes a version, and keep them out until the transaction ends; readers go on."""
    await connection.execute(text("LOCK TABLE rosters IN SHARE ROW EXCLUSIVE MODE"))


async def change_seats(
    engine: AsyncEngine,
    change: Callable[[Sequence[SeatRow]], Sequence[SeatRow]],
    *,
    now: datetime,
    recorded: Mapping[str, Any],
) -> Version:
    """Write the newest version again with changed seats, `recorded` as `changed` among its parameters.

    It is as old as the version before it, whose scores it holds; without one it begins now. What `change` raises
    leaves everything as it was.
    """
    async with engine.begin() as connection:
        await one_writer(connection)
        query = select(Roster.__table__).order_by(Roster.version.desc()).limit(1)
        before = (await connection.execute(query)).mappings().first()
        seats = tuple(change(await seats_in(connection)))
        params = {"source": "named"} if before is None else dict(before["params"])
        published_at = now if before is None else before["published_at"]
        number = await write_roster(
            connection,
            [seat.follow for seat in seats],
            as_of=now if before is None else before["as_of"],
            published_at=published_at,
            params=params | {"changed": dict(recorded)},
        )
        await write_seats(connection, number, seats)
    return Version(number=number, published_at=published_at, seats=seats)
