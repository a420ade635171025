"""Look for what a person should hear of."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from remora.domain.alerts import Alert, AlertKind
from remora.domain.ids import AccountId
from remora.domain.measures import Measures
from remora.domain.orders import FillStatus
from remora.storage import desk as desks
from remora.storage.desk_orders import LIMITS_ACT
from remora.storage.feeds import load_feeds
from remora.storage.measures import load_measures
from remora.storage.tables import NOT_ENDED, DeskAudit, Fill, Order, Position

SILENT_AFTER: Final = timedelta(seconds=60)
RECENT: Final = timedelta(hours=24)
TURNED: Final[Mapping[str, str]] = {
    "halt": "The desk halted: no entries until remora reset",
    "reduce": "Drawdown: positions and new sizes are halved",
    "restore": "The drawdown is made good: full sizes again",
    "restart": "The desk's workflow was lost; it was started again, paused",
}


async def causes(engine: AsyncEngine, account: AccountId, *, now: datetime, quiet_for: timedelta) -> list[Alert]:
    """Return everything that a person should hear of now; most of it was told before under the same key."""
    measures = await load_measures(engine, account, now=now, now_venue=now)
    async with engine.connect() as connection:
        desk = await desks.load(connection, account)
        found = await _attention(connection, account)
        found += await _turns(connection, account, since=now - RECENT)
        found += await _failed(connection, account, since=now - RECENT)
    found += await _silent(engine, account, now=now)
    last = measures.last_decision_at or desk.changed_at
    if now - last > quiet_for:
        hours = quiet_for.total_seconds() / 3600
        title = f"No decision for {hours:g} hours"
        found.append(
            Alert(
                key=f"quiet/{last.isoformat()}",
                kind=AlertKind.NO_DECISION,
                title=title,
                body=f"The last one was at {last:%Y-%m-%d %H:%M} UTC; see remora funnel and remora status.",
            )
        )
    found.append(_summary(measures, str(desk.day)))
    return found


async def _attention(connection: AsyncConnection, account: AccountId) -> list[Alert]:
    query = select(Position.id, Position.question, Position.attention).where(
        Position.account == account, NOT_ENDED, Position.attention.is_not(None)
    )
    return [
        Alert(
            key=f"attention/{row.id}/{hashlib.sha256(row.attention.encode()).hexdigest()[:12]}",
            kind=AlertKind.NEEDS_ATTENTION,
            title=f"{row.question} needs attention",
            body=f"{row.attention}; see remora position {row.id}",
        )
        for row in await connection.execute(query)
    ]


async def _turns(connection: AsyncConnection, account: AccountId, *, since: datetime) -> list[Alert]:
    query = select(DeskAudit.id, DeskAudit.action, DeskAudit.by, DeskAudit.reason).where(
        DeskAudit.account == account, DeskAudit.at > since, DeskAudit.action.in_(list(TURNED))
    )
    return [
        Alert(
            key=f"desk/{row.id}",
            kind=AlertKind.BREAKER,
            title=TURNED[row.action],
            body=row.reason if row.by == LIMITS_ACT else f"{row.reason} (by {row.by})",
        )
        for row in await connection.execute(query)
    ]


async def _failed(connection: AsyncConnection, account: AccountId, *, since: datetime) -> list[Alert]:
    query = (
        select(Fill.trade_id, Fill.digest, Fill.shares, Fill.price, Fill.side, Position.question, Position.id)
        .join(Order, Order.id == Fill.order_id)
        .join(Position, Position.id == Fill.position_id)
        .where(Order.account == account, Fill.status == FillStatus.FAILED.value, Order.decided_at > since)
    )
    return [
        Alert(
            key=f"failed/{row.trade_id}/{row.digest}",
            kind=AlertKind.SETTLEMENT_FAILED,
            title=f"A settlement failed: {row.question}",
            body=f"{row.side} {row.shares} at {row.price} was undone in our books; see remora position {row.id}",
        )
        for row in await connection.execute(query)
    ]


async def _silent(engine: AsyncEngine, account: AccountId, *, now: datetime) -> list[Alert]:
    return [
        Alert(
            key=f"feed/{feed.feed}/{feed.last_message_at.isoformat()}",
            kind=AlertKind.FEED_SILENT,
            title=f"The stream {feed.feed} is silent",
            body=f"Nothing since {feed.last_message_at:%Y-%m-%d %H:%M:%S} UTC; is the watcher running?",
        )
        for feed in await load_feeds(engine, account)
        if feed.silence(now) > SILENT_AFTER
    ]


def _summary(measures: Measures, day: str) -> Alert:
    copied = sum(count for (outcome, _), count in measures.decisions.items() if outcome == "copy")
    return Alert(
        key=f"summary/{day}",
        kind=AlertKind.DAILY_SUMMARY,
        title=f"Summary as {day} begins",
        body=(
            f"Equity {measures.equity:.2f}, realised {measures.realised:+.2f}, open {measures.unrealised:+.2f}, "
            f"{measures.drawdown:.1%} below the high-water mark; desk {measures.mode.value}, "
            f"{sum(measures.states.values())} positions open, {copied} copied and "
            f"{sum(measures.decisions.values()) - copied} other decisions in 24 hours."
        ),
    )
