"""A twin run's log as a recording, so that the backtest's own engine replays what was shown and seen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remora.backtest.batch import Batch
from remora.backtest.costs import Costs, FillLevel, Latency
from remora.backtest.engine import Engine
from remora.backtest.history import NEVER, Listing, Prints
from remora.backtest.outcome import Outcome as Replayed
from remora.backtest.parity import _signal
from remora.backtest.recorded_books import Snapshots
from remora.backtest.recorder import VenueLog, WhaleHolds, WhaleTraded
from remora.backtest.run_log import RunLog
from remora.backtest.signals import Seed
from remora.backtest.tracks import Tracks
from remora.domain.books import Level, OrderBook
from remora.domain.clock import VenueClock
from remora.domain.decide import WhaleStanding
from remora.domain.exits import holding_before
from remora.domain.ids import ConditionId, TokenId
from remora.domain.limits import Limits
from remora.domain.market import Market, Outcome
from remora.domain.money import Side, micros
from remora.venues.venue import BookUpdate

OPPOSITE = "opposite:"
MINUTE = timedelta(minutes=1)


class Known:
    """A roster that stays as it is."""

    def __init__(self, standing: Callable[[str], WhaleStanding]) -> None:
        self._standing = standing

    def standing(self, whale: str, at: float) -> WhaleStanding:
        return self._standing(whale)


def outcome_of(
    run: RunLog, log: VenueLog, *, standing: Callable[[str], WhaleStanding], limits: Limits, clock: VenueClock
) -> Replayed:
    """Return what the engine makes of a run's log; each decision falls when the book for it was there."""
    markets = _markets(run, log)
    tracks = _tracks(run, log, markets, clock)
    start, end = run.opened_at - MINUTE, log.answers[-1].at + MINUTE
    engine = Engine(
        roster=Known(standing),
        limits=limits,
        costs=Costs(latency=Latency.fixed(0.0), level=FillLevel.OPTIMISTIC, redemption_lag_s=0.0),
        capital=run.opening_cash,
        start=start.timestamp(),
        end=end.timestamp(),
        rng=np.random.default_rng(0),
    )
    seeds = list(_seeds(run, log, markets, tracks, clock))
    return engine.run([Batch(tracks=tracks, seeds=seeds, horizon=end.timestamp(), rows=len(seeds))])


def _markets(run: RunLog, log: VenueLog) -> list[Market]:
    """Return every market as it was shown first; of one in which we held nothing nobody asked."""
    found: dict[str, Market] = {}
    for answer in log.answers:
        if isinstance(answer.value, Market):
            found.setdefault(answer.value.condition_id, answer.value)
    some = next(iter(found.values()))
    for row in run.decisions:
        sides = (Outcome(TokenId(row["token_id"]), "Yes"), Outcome(TokenId("nobody asked"), "No"))
        unasked = replace(some, condition_id=ConditionId(row["condition_id"]), outcomes=sides)
        found.setdefault(row["condition_id"], unasked)
    return list(found.values())


def _tracks(run: RunLog, log: VenueLog, markets: Sequence[Market], clock: VenueClock) -> Tracks:
    books = {
        code: snapshots
        for code, market in enumerate(markets)
        if len(snapshots := _snapshots(log, market.outcomes[0].token_id))
    }
    silent = _snapshot(run.opened_at.timestamp() - 1)
    quotes = Prints.join([books.get(code, silent).quotes(code) for code in range(len(markets))])
    rows = quotes.take(np.argsort(quotes.at, kind="stable"))
    return Tracks(rows, [_listing(market, log, clock) for market in markets], spread_ticks=1, books=books)


def _listing(market: Market, log: VenueLog, clock: VenueClock) -> Listing:
    """Return a market with its result from when the venue told it."""
    over, payouts = NEVER, None
    for answer in log.answers:
        told = answer.value
        if isinstance(told, Market) and told.condition_id == market.condition_id and told.payouts is not None:
            over, payouts = min(over, answer.at.timestamp()), told.payouts
    return Listing(
        key=market.condition_id,
        question=market.question,
        slug=market.slug,
        event=market.event_id,
        cluster=market.event_id,
        category=market.category,
        market_class=market.market_class,
        fee_rate=market.fee_rate,
        fee_exponent=market.fee_exponent,
        min_order_size=market.min_order_size,
        neg_risk=market.neg_risk,
        listed_at=0.0,
        end_at=None if market.end_at is None else clock.wall_time(market.end_at).timestamp(),
        end_source="the venue",
        closed_at=over,
        resolved_at=over,
        payouts=payouts,
    )


def _snapshots(log: VenueLog, token: TokenId) -> Snapshots:
    """Return the books of a token that differ from the one before, streamed or asked for."""
    shown: list[tuple[float, OrderBook]] = []
    for answer in log.answers:
        book = answer.value.book if isinstance(answer.value, BookUpdate) else answer.value
        if answer.token_id != token or not isinstance(book, OrderBook) or not (book.bids and book.asks):
            continue
        if not shown or (book.bids, book.asks) != (shown[-1][1].bids, shown[-1][1].asks):
            shown.append((answer.at.timestamp(), book))
    depth = max((max(len(book.bids), len(book.asks)) for _, book in shown), default=1)
    bids, asks = ([_padded(side(book), depth) for _, book in shown] for side in (_bids, _asks))
    return Snapshots(
        np.array([at for at, _ in shown]),
        *(
            np.array(rows, dtype=np.float64).reshape(-1, 2, depth)[:, part]
            for rows in (bids, asks)
            for part in (0, 1)
        ),
    )


def _snapshot(at: float) -> Snapshots:
    """Return some book that nobody looks at."""
    bid, ask, size = np.array([[0.49]]), np.array([[0.51]]), np.array([[1.0]])
    return Snapshots(np.array([at]), bid, size, ask, size)


def _bids(book: OrderBook) -> tuple[Level, ...]:
    return book.bids


def _asks(book: OrderBook) -> tuple[Level, ...]:
    return book.asks


def _padded(levels: Sequence[Level], depth: int) -> NDArray[np.float64]:
    found = np.zeros((2, depth))
    for place, level in enumerate(levels):
        found[:, place] = float(level.price), float(level.size)
    return found


def _seeds(
    run: RunLog, log: VenueLog, markets: Sequence[Market], tracks: Tracks, clock: VenueClock
) -> Iterator[Seed]:
    """Yield the whales' trades that were decided about; the sale in a purchase of the other side is found anew."""
    places = {
        one.token_id: (code, n) for code, market in enumerate(markets) for n, one in enumerate(market.outcomes)
    }
    for row in run.decisions:
        if row["signal_key"].startswith(OPPOSITE):
            continue
        signal, (code, outcome) = _signal(row), places[TokenId(row["token_id"])]
        track, buying = tracks[code], signal.side is Side.BUY
        held, other = None if buying else _held(log, row), _held_against(run, log, row)
        yield Seed(
            at=(_shown(log, signal.token_id, row["decided_at"]) if buying else row["decided_at"]).timestamp(),
            market=code,
            outcome=outcome,
            whale=signal.whale,
            listing=track.listing,
            side=signal.side,
            kind=signal.kind,
            fills=[(0, float(signal.price), float(signal.size), micros(signal.size))],
            micros=micros(signal.size),
            held=held,
            held_opposite=other,
            made=replace(
                signal,
                token_id=track.tokens[outcome],
                condition_id=ConditionId(track.listing.key),
                happened_at=clock.wall_time(signal.happened_at),
            ),
        )


def _shown(log: VenueLog, token: TokenId, since: datetime) -> datetime:
    return next(
        answer.at
        for answer in log.answers
        if answer.at >= since and answer.token_id == token and isinstance(answer.value, OrderBook)
    )


def _held(log: VenueLog, row: dict[str, Any]) -> float | None:
    """Return what the whale held before its sale, by what the venue said when we asked."""
    token, signal = TokenId(row["token_id"]), _signal(row)
    opposite = signal.key.startswith(OPPOSITE)
    report = log.first(WhaleHolds, token, row["decided_at"])
    recent = log.first(WhaleTraded, token, row["decided_at"])
    counted = not opposite and recent is not None and signal.key in recent.keys
    shares = None if report is None else report.shares
    before = holding_before(shares, sold=signal.size, counted=counted, opposite=opposite)
    return None if before is None else float(before)


def _held_against(run: RunLog, log: VenueLog, row: dict[str, Any]) -> float | None:
    wanted = f"{OPPOSITE}{row['signal_key']}"
    return next((_held(log, dict(one)) for one in run.decisions if one["signal_key"] == wanted), None)
