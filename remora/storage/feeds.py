"""When each stream last said anything, for people and alerts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.storage.watch_tables import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """One stream; `looked_at` is when a watcher last wrote this down, `venue_at` venue time at that instant."""

    feed: str
    last_message_at: datetime
    looked_at: datetime
    venue_at: datetime

    def silence(self, now: datetime) -> timedelta:
        """Return how long nothing was heard, also when the watcher itself is gone."""
        return now - self.last_message_at


async def write_feeds(
    engine: AsyncEngine, account: AccountId, heard: Mapping[str, datetime], *, now: datetime, now_venue: datetime
) -> None:
    """Write when each stream last said anything."""
    if not heard:
        return
    rows = [
        {"account": account, "feed": feed, "last_message_at": at, "looked_at": now, "venue_at": now_venue}
        for feed, at in sorted(heard.items())
    ]
    statement = insert(Feed).values(rows)
    newest = {"last_message_at": statement.excluded.last_message_at, "looked_at": now, "venue_at": now_venue}
    async with engine.begin() as connection:
        await connection.execute(
            statement.on_conflict_do_update(index_elements=[Feed.account, Feed.feed], set_=newest)
        )


async def load_feeds(engine: AsyncEngine, account: AccountId) -> list[FeedHealth]:
    """Return the streams that a watcher ever held, by name."""
    query = select(Feed.feed, Feed.last_message_at, Feed.looked_at, Feed.venue_at).where(Feed.account == account)
    async with engine.connect() as connection:
        rows = await connection.execute(query.order_by(Feed.feed))
        return [FeedHealth(**row) for row in rows.mappings()]
