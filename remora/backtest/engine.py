"""Replay signals through the live decision core: what would have been decided, bought, guarded and left."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from remora.backtest.batch import Batch
from remora.backtest.costs import Costs, FillLevel, Latency
from remora.backtest.desk import Desk, midnight_after
from remora.backtest.events import ARRIVAL, MILESTONE, RETRY, SIGNAL, Event
from remora.backtest.guarding import Guarding
from remora.backtest.history import instant
from remora.backtest.holding import Holding
from remora.backtest.marking import Marks
from remora.backtest.orders import Working
from remora.backtest.outcome import Outcome
from remora.backtest.signals import Seed
from remora.backtest.track import DAY
from remora.domain.books import OrderBook
from remora.domain.decide import Copy, Skip, WhaleStanding, decide
from remora.domain.ids import TokenId
from remora.domain.limits import Limits
from remora.domain.market import Market
from remora.domain.money import ZERO, Side, from_micros
from remora.domain.orders import OrderRequest
from remora.domain.reasons import BEING_LEFT, SkipReason
from remora.domain.trades import TradeKind

DRAWS = 256
NOT_HELD = {kind: Skip(SkipReason.NOT_HELD, f"a {kind.value} of what we do not hold") for kind in TradeKind}
REFUSED_WHILE_LEFT = Skip(SkipReason.STALE, BEING_LEFT)


class Roster(Protocol):
    """Who is followed at an instant, by what was known then."""

    def standing(self, whale: str, at: float) -> WhaleStanding:
        """Return what the roster in force at `at` says about a wallet."""
        ...


class Engine(Guarding):
    """One account replayed over batches of a recording, from `start` up to `end` (seconds since 1970)."""

    def __init__(
        self,
        *,
        roster: Roster,
        limits: Limits,
        costs: Costs,
        capital: Decimal,
        start: float,
        end: float,
        rng: np.random.Generator,
        record: bool = True,
    ) -> None:
        super().__init__(limits, costs, Outcome(capital=float(capital), start=start, end=end, recorded=record))
        self._roster = roster
        self._from, self._until = start, end
        self._delays, luck, exits = (np.random.default_rng(seed) for seed in rng.integers(0, 2**63, 3))
        self._draws = _pairs(luck)
        self.reactions = _reactions(costs.latency, exits)
        self.desk = Desk.opened(capital, instant(start))
        self._midnight = midnight_after(start, limits.day_zone)
        self.marks = Marks(self.desk, self.shelf)
        self._coming: list[Event] = []
        self._seen_bought: dict[tuple[str, str], int] = {}
        self._handlers: tuple[Callable[[float, Any], None], ...] = (
            self._on_signal,
            self._on_arrival,
            self._on_print,
            self._on_expiry,
            self._on_crossing,
            self._on_alarm,
            self._on_milestone,
            self._on_redemption,
            self._on_retry,
            self._on_confirmation,
        )

    def run(self, batches: Iterable[Batch]) -> Outcome:
        """Replay every batch and return what came of it; what is still held at `end` is valued there."""
        for batch in batches:
            self._load(batch)
            self._advance(min(batch.horizon, self._until))
        self._advance(self._until)
        self._finish()
        self._handlers = ()  # they hold this engine: without them it goes when nobody needs it any more
        return self.outcome

    # time

    def _load(self, batch: Batch) -> None:
        self.tracks = batch.tracks
        self.taken.forget(self._now - DAY)
        self.marks.load(batch.tracks)
        self.outcome.rows += batch.rows
        chosen = [seed for seed in batch.seeds if self._from <= seed.at < self._until]
        detection, order = self.costs.latency.draw(len(chosen), self._delays)
        number = self._order.__next__
        self._coming += [
            (seed.at + seen, number(), SIGNAL, (seed, sent))
            for seed, seen, sent in zip(chosen, detection.tolist(), order.tolist(), strict=True)
        ]
        self._coming.sort(reverse=True)
        for holding in list(self.desk.open.values()):
            self._watch(holding)
        for waiting in list(self.resting.values()):
            self._seek(waiting)
        stuck, self._stuck = self._stuck, []
        for holding in stuck:
            if holding.ended_at is None and holding.pending == 0 and (self.heap or self._coming):
                self._push(max(self._now, self.outcome.start), RETRY, holding)

    def _advance(self, until: float) -> None:
        """Handle everything up to `until`; signals wait in a list of their own, already in order."""
        heap, coming, handlers = self.heap, self._coming, self._handlers
        while True:
            if coming and (not heap or coming[-1] < heap[0]):
                if coming[-1][0] > until:
                    return
                at, _, kind, payload = coming.pop()
            elif heap and heap[0][0] <= until:
                at, _, kind, payload = heapq.heappop(heap)
            else:
                return
            self._now = at
            if at >= self._midnight:
                self._begin_days(at)
            handlers[kind](at, payload)

    def _begin_days(self, at: float) -> None:
        """Begin every day up to `at` at its midnight, as live does: its base is the equity of that instant."""
        while self._midnight <= at:
            self.marks.advance(self.tracks, self._midnight)
            self.desk.snapshot(instant(self._midnight), self.limits)
            self._midnight = midnight_after(self._midnight, self.limits.day_zone)

    # signals

    def _on_signal(self, at: float, payload: tuple[Seed, float]) -> None:
        seed, sent_after = payload
        track = self.tracks[seed.market]
        token = track.tokens[seed.outcome]
        held = self.desk.open.get((seed.whale, token))
        if seed.side is Side.SELL:
            self._whale_sold(at, seed, token, held)
            return
        other = track.tokens[1 - seed.outcome]
        self._see(seed.whale, token, seed.micros)
        if not self.outcome.recorded and self.desk.holds(other):
            # refused whatever else there is to say: a simulation need not know what came first
            self.outcome.skips[SkipReason.OPPOSITE_HELD] += 1
            self.outcome.signals += 1
            self._turned(at, seed, other)
            return
        if held is not None and held.leaving is not None:
            self.outcome.decided(at, seed, REFUSED_WHILE_LEFT)
            return
        row, now = track.index(at), instant(at)
        market = track.market(row, at)
        book = track.book(row, seed.outcome, self.shelf)
        self.marks.advance(self.tracks, at)
        signal = seed.signal
        decision = decide(
            signal,
            market=market,
            book=book,
            whale=self._roster.standing(signal.whale, at),
            desk=self.desk.snapshot(now, self.limits),
            exposure=self.desk.exposure(signal.whale, signal.token_id, market),
            limits=self.limits,
            now_wall=now,
            now_venue=now,
        )
        if self.desk.reducing:
            self._reduce(at)
        if isinstance(decision, Copy):
            assert book is not None
            self.desk.entered(now)
            self._copy(at, sent_after, seed, decision, market, book, held)
        else:
            self.outcome.decided(at, seed, decision)
            self._turned(at, seed, other)

    def _see(self, whale: str, token: str, change: int) -> int:
        """Count what a whale was seen to do; return what it had been seen to buy net before it, in millionths."""
        key = whale, token
        before = self._seen_bought.get(key, 0)
        self._seen_bought[key] = before + change
        return max(0, before)

    def _copy(
        self,
        at: float,
        sent_after: float,
        seed: Seed,
        copy: Copy,
        market: Market,
        book: OrderBook,
        held: Holding | None,
    ) -> None:
        signal = seed.signal
        self.outcome.decided(at, seed, copy)
        holding = held or self._open(at, seed, copy, market, book)
        self.desk.reserve(holding, copy.reserve)
        request = OrderRequest(
            token_id=signal.token_id,
            condition_id=signal.condition_id,
            side=Side.BUY,
            shares=copy.shares,
            limit_price=copy.limit_price,
            notional=copy.notional,
        )
        self._send(holding, request, at + sent_after, left=copy.notional, reserve=copy.reserve / copy.notional)

    def _open(self, at: float, seed: Seed, copy: Copy, market: Market, book: OrderBook) -> Holding:
        signal = seed.signal
        holding = Holding(
            number=len(self.outcome.holdings),
            whale=signal.whale,
            token=signal.token_id,
            condition=market.condition_id,
            market=seed.market,
            outcome=seed.outcome,
            event=market.event_id,
            approved_at=at,
            whale_price=signal.price,
            unproven=copy.unproven,
            edge=copy.edge,
            forecast=copy.probability,
            spread=book.spread or ZERO,
        )
        self.outcome.holdings.append(holding)
        self.desk.add(holding)
        for when, what in self.tracks[seed.market].milestones:
            if at < when:
                heard = when + next(self.reactions)[0] if what == "proposed" else when
                self._push(heard, MILESTONE, (holding, what))
        return holding

    def _send(
        self, holding: Holding, request: OrderRequest, arrives: float, *, left: Decimal, reserve: Decimal = ZERO
    ) -> None:
        chance, spread = next(self._draws)
        share = self.costs.participation
        if self.costs.level is not FillLevel.OPTIMISTIC:
            share *= 1.0 + self.costs.participation_spread * (2.0 * spread - 1.0)
        order = Working(
            holding=holding,
            request=request,
            outcome=holding.outcome,
            left=left,
            arrives=arrives,
            expires=arrives + self.costs.fill_window_s,
            participation=share,
            missed=chance < self.costs.miss_chance,
            buying=request.side is Side.BUY,
            reserve=reserve,
            kept=left * reserve,
        )
        holding.pending += 1
        self._push(arrives, ARRIVAL, order)

    def _whale_sold(self, at: float, seed: Seed, token: TokenId, held: Holding | None) -> None:
        bought = self._see(seed.whale, token, -seed.micros)
        if held is None:
            self.outcome.decided(at, seed, NOT_HELD[seed.kind])
            return
        self.outcome.followed(at, seed)
        self._follow_sale(at, held, seed.size, seed.holding, from_micros(bought))

    def _turned(self, at: float, seed: Seed, opposite: TokenId) -> None:
        """A whale that buys the other outcome has left ours."""
        other = self.desk.open.get((seed.whale, opposite))
        if other is None:
            return
        bought = self._see(seed.whale, other.token, -seed.micros)
        self.outcome.followed(at, seed)
        self._follow_sale(at, other, seed.size, seed.opposite_holding, from_micros(bought))


def _pairs(luck: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield pairs of uniform draws without end: one call of the generator serves many orders."""
    while True:
        yield from map(tuple, luck.random((DRAWS, 2)).tolist())


def _reactions(latency: Latency, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield draws of both parts of the latency without end."""
    while True:
        yield from zip(*(seconds.tolist() for seconds in latency.draw(DRAWS, rng)), strict=True)
