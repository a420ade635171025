"""A look at every guarded position at once: the backstop of the watcher."""

from collections.abc import Sequence
from datetime import datetime

from activities.tools import Tools
from remora.domain.books import OrderBook
from remora.domain.exits import Thresholds, crossed, executable_bid
from remora.domain.ids import ConditionId, TokenId
from remora.domain.market import Market, ResolutionStatus
from remora.domain.money import ZERO
from remora.domain.reasons import PositionState
from remora.domain.reconcile import Difference, DifferenceCode, Repair
from remora.storage.positions import PositionRow
from remora.storage.triggers import Trigger, active_triggers
from schemas.position import MarketChanged, PriceCrossed
from schemas.reconcile import NewsFor

BOOKS_AT_ONCE = 200
"""Books in one request."""

WAITING = (PositionState.AWAITING_RESOLUTION, PositionState.REDEEMING)

Found = tuple[list[Difference], list[NewsFor]]


async def sweep(tools: Tools, rows: Sequence[PositionRow], *, now: datetime) -> Found:
    """Hold every trigger against batch prices, and look at the markets that show no book."""
    triggers = await active_triggers(tools.engine, tools.venue.account)
    tokens = sorted({trigger.token_id for trigger in triggers} | {row.token_id for row in rows})
    books: dict[TokenId, OrderBook] = {}
    for start in range(0, len(tokens), BOOKS_AT_ONCE):
        for book in await tools.venue.books(tokens[start : start + BOOKS_AT_ONCE]):
            books[book.token_id] = book
    differences, news = _crossings(triggers, books, now)
    silent = sorted({row.condition_id for row in rows if not _quoted(books.get(row.token_id))})
    markets = {market.condition_id: market for market in await tools.venue.markets(silent)}
    moved = _moved_on(rows, markets, now)
    return differences + moved[0], news + moved[1]


def _quoted(book: OrderBook | None) -> bool:
    return book is not None and bool(book.bids or book.asks)


def _crossings(triggers: Sequence[Trigger], books: dict[TokenId, OrderBook], now: datetime) -> Found:
    differences, news = [], []
    for trigger in triggers:
        book = books.get(trigger.token_id)
        bounds = Thresholds(stop_price=trigger.stop_price, target_price=trigger.target_price, exit_at=None)
        kind = None if book is None else crossed(book, trigger.shares, bounds)
        if book is None or kind is None:
            continue
        price = executable_bid(book, trigger.shares) or ZERO
        differences.append(
            Difference(
                code=DifferenceCode.MISSED_CROSSING,
                subject=trigger.position_id,
                position_id=trigger.position_id,
                ours=f"stop {trigger.stop_price}, target {trigger.target_price}",
                theirs=f"{price:f}",
                repair=Repair.SIGNALLED,
                detail=kind.value,
            )
        )
        crossing = PriceCrossed(
            position_id=trigger.position_id, kind=kind, executable_price=price, updates=0, seen_at=now
        )
        news.append(NewsFor(workflow_id=trigger.workflow_id, crossing=crossing))
    return differences, news


def _moved_on(rows: Sequence[PositionRow], markets: dict[ConditionId, Market], now: datetime) -> Found:
    differences, news = [], []
    for row in rows:
        market = markets.get(row.condition_id)
        if market is None or (market.accepting_orders and market.resolution is ResolutionStatus.OPEN):
            continue
        if row.state in WAITING and market.resolution is not ResolutionStatus.RESOLVED:
            continue
        differences.append(
            Difference(
                code=DifferenceCode.MARKET_MOVED_ON,
                subject=row.id,
                position_id=row.id,
                ours=row.state.value,
                theirs="closed" if market.closed else market.resolution.value,
                repair=Repair.SIGNALLED,
            )
        )
        changed = MarketChanged(
            condition_id=row.condition_id,
            accepting_orders=market.accepting_orders,
            closed=market.closed,
            resolution=market.resolution,
            seen_at=now,
        )
        news.append(NewsFor(workflow_id=row.workflow_id, market=changed))
    return differences, news
