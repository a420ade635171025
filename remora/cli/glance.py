"""One look at a desk: what `remora top` and `remora status` show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from remora.domain.ids import AccountId
from remora.domain.measures import Measures, limit_use
from remora.settings import load_settings
from remora.storage.decisions import list_decisions
from remora.storage.desk import DeskRow, audit_trail, load_desk
from remora.storage.feeds import FeedHealth, load_feeds
from remora.storage.measures import load_measures
from remora.storage.positions import PositionRow, list_positions

DECISIONS = 10
TURNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A desk at one instant."""

    at: datetime
    desk: DeskRow
    measures: Measures
    limits: Mapping[str, Decimal]
    positions: list[PositionRow]
    decisions: list[dict[str, Any]]
    turns: list[dict[str, Any]]
    feeds: list[FeedHealth]


async def look(engine: AsyncEngine, account: AccountId) -> Glance:
    """Read everything that is shown; raise DeskMissing without a desk."""
    at = datetime.now(UTC)
    decisions = await list_decisions(engine, account, limit=DECISIONS)
    feeds = await load_feeds(engine, account)
    # entries are counted in venue time, which the watcher wrote down
    now_venue = max((feed.venue_at for feed in feeds), default=at)
    measures = await load_measures(engine, account, now=at, now_venue=now_venue)
    return Glance(
        at=at,
        desk=await load_desk(engine, account),
        measures=measures,
        limits=limit_use(measures, load_settings().limits()),
        positions=await list_positions(engine, account),
        decisions=decisions,
        turns=(await audit_trail(engine, account))[-TURNS:][::-1],
        feeds=feeds,
    )


def distance(mark: Decimal | None, bound: Decimal | None) -> Decimal | None:
    """Return how far the price is from a threshold, as a share of the price; None when either is unknown."""
    if mark is None or bound is None or mark <= 0:
        return None
    return (bound - mark) / mark
