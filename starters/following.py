"""Wallets that a person follows by name: a new roster version with them, or without."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.decide import RosterStatus
from remora.domain.ids import WalletAddress
from remora.storage.seats import SeatRow, Version, change_seats
from starters.roster import named


class CannotFollow(ValueError):
    """The roster is not such that this could be done; nothing was changed."""


async def follow(
    engine: AsyncEngine, wallets: Sequence[WalletAddress], *, by: str, reason: str, now: datetime
) -> Version:
    """Publish the newest roster with these wallets, unproven; raise CannotFollow for one that is on it already.

    A wallet that lost its seat may be followed by name all the same: a person decided so.
    """
    why = f"followed by {by}" + (f": {reason}" if reason else "")
    new = [SeatRow(follow=row, since=now, strikes=0, why=why) for row in named(wallets).follows]

    def add(seats: Sequence[SeatRow]) -> Sequence[SeatRow]:
        wanted = {row.follow.whale for row in new}
        for row in seats:
            if row.follow.whale in wanted and row.follow.unproven:
                raise CannotFollow(f"{row.follow.whale} is followed by name already")
            if row.follow.whale in wanted and row.follow.status is not RosterStatus.DEMOTED:
                raise CannotFollow(f"{row.follow.whale} has a seat of its own: {row.follow.status.value}")
        return [*(row for row in seats if row.follow.whale not in wanted), *new]

    return await change_seats(engine, add, now=now, recorded=_recorded("follow", wallets, by, reason, now))


async def unfollow(
    engine: AsyncEngine, wallets: Sequence[WalletAddress], *, by: str, reason: str, now: datetime
) -> Version:
    """Publish the newest roster without these wallets; raise CannotFollow for one not followed by name."""

    def remove(seats: Sequence[SeatRow]) -> Sequence[SeatRow]:
        there = {row.follow.whale: row.follow for row in seats}
        for wallet in wallets:
            if wallet not in there:
                raise CannotFollow(f"{wallet} is not followed")
            if not there[wallet].unproven:
                raise CannotFollow(f"{wallet} is not followed by name: its seat goes with its score alone")
        return [row for row in seats if row.follow.whale not in wallets]

    return await change_seats(engine, remove, now=now, recorded=_recorded("unfollow", wallets, by, reason, now))


def _recorded(
    what: str, wallets: Sequence[WalletAddress], by: str, reason: str, now: datetime
) -> dict[str, object]:
    return {"what": what, "wallets": list(wallets), "by": by, "reason": reason, "at": now.isoformat()}
