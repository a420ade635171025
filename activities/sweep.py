"""A look at every guarded position at once: the backstop of the watcher."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from activities.gathered import Found, Gathered
from activities.tools import Tools
from remora.domain.books import OrderBook
from remora.domain.exits import Thresholds, crossed, executable_bid
from remora.domain.ids import ConditionId, TokenId
from remora.domain.market import Market, ResolutionStatus
from remora.domain.money import ZERO
from remora.domain.reasons import PositionState
from remora.domain.reconcile import Difference, DifferenceCode, Repair
from remora.storage.positions import PositionRow
from remora.storage.tried_sales import TriedSales, newest_sales
from remora.storage.triggers import Trigger, active_triggers
from schemas.position import MarketChanged, PriceCrossed
from schemas.reconcile import NewsFor

BOOKS_AT_ONCE = 200
"""Books in one request."""


async def sweep(tools: Tools, rows: Sequence[PositionRow], gathered: Gathered, *, now: datetime) -> None:
    """Hold every trigger against batch prices, and look at every market: a watcher may be dead."""
    triggers = await active_triggers(tools.engine, tools.venue.account)
    waiting = {row.id for row in rows if row.state is PositionState.REDEEMING or _unsold(row)}
    leaving = waiting | {row.id for row in rows if row.state is PositionState.EXITING}
    books: dict[TokenId, OrderBook] = {}

    async def prices() -> list[Difference]:
        tokens = {trigger.token_id for trigger in triggers} | {row.token_id for row in rows}
        books.update(await _books(tools, sorted(tokens)))
        return gathered.told(_crossings([t for t in triggers if t.position_id not in leaving], books, now))

    async def markets() -> list[Difference]:
        found = await tools.venue.markets(sorted({row.condition_id for row in rows}))
        facts = {market.condition_id: market for market in found}
        sales = await newest_sales(tools.engine, waiting)
        moved_on = gathered.told(_moved_on(rows, facts, waiting, now))
        return moved_on + gathered.told(_bid_for_again(rows, facts, books, sales, now))

    # a stop needs the books only: no list of markets that cannot be read keeps it waiting
    await gathered.take("prices", prices())
    await gathered.take("markets", markets())


async def _books(tools: Tools, tokens: Sequence[TokenId]) -> dict[TokenId, OrderBook]:
    books: dict[TokenId, OrderBook] = {}
    for start in range(0, len(tokens), BOOKS_AT_ONCE):
        for book in await tools.venue.books(tokens[start : start + BOOKS_AT_ONCE]):
            books[book.token_id] = book
    return books


def _unsold(row: PositionRow) -> bool:
    """Whether a position wanted to leave and its sale found no buyer or was refused."""
    refused = row.state is PositionState.NEEDS_ATTENTION and row.exit_reason is not None
    return refused or row.state is PositionState.AWAITING_RESOLUTION


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


def _bid_for_again(
    rows: Sequence[PositionRow],
    markets: Mapping[ConditionId, Market],
    books: Mapping[TokenId, OrderBook],
    sales: Mapping[str, TriedSales],
    now: datetime,
) -> Found:
    """Wake positions that wait for a resolution because nobody bid, where somebody bids again."""
    differences, news = [], []
    for row in rows:
        market, book = markets.get(row.condition_id), books.get(row.token_id)
        if not _unsold(row) or market is None or book is None:
            continue
        trading = market.accepting_orders and not market.closed and market.resolution is ResolutionStatus.OPEN
        bid_for = book.best_bid is not None and book.best_bid >= market.tick_size
        if not (trading and bid_for and row.books.shares >= market.min_order_size):
            continue
        if row.id in sales and (now < sales[row.id].again_at or sales[row.id].unfinished):
            continue
        differences.append(
            Difference(
                code=DifferenceCode.BID_FOR_AGAIN,
                subject=row.id,
                position_id=row.id,
                ours=row.state.value,
                theirs=f"{book.best_bid:f}",
                repair=Repair.SIGNALLED,
            )
        )
        news.append(NewsFor(workflow_id=row.workflow_id, market=_news_of(market, now)))
    return differences, news


def _news_of(market: Market, now: datetime) -> MarketChanged:
    return MarketChanged(
        condition_id=market.condition_id,
        accepting_orders=market.accepting_orders,
        closed=market.closed,
        resolution=market.resolution,
        seen_at=now,
    )


def _moved_on(
    rows: Sequence[PositionRow], markets: dict[ConditionId, Market], waiting: Collection[str], now: datetime
) -> Found:
    differences, news = [], []
    for row in rows:
        market = markets.get(row.condition_id)
        if market is None or (market.accepting_orders and market.resolution is ResolutionStatus.OPEN):
            continue
        if row.id in waiting and market.resolution is not ResolutionStatus.RESOLVED:
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
        news.append(NewsFor(workflow_id=row.workflow_id, market=_news_of(market, now)))
    return differences, news
