"""Simulate who trades one generated market, when, and what that does to its price."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from remora.domain.ids import WalletAddress
from remora.domain.money import ONE, Side
from remora.venues.twin.scenario.identifiers import transaction_hash
from remora.venues.twin.scenario.ladder import touch_around
from remora.venues.twin.scenario.lifecycle import FINE_TICK, is_extreme
from remora.venues.twin.scenario.model import (
    ExternalMerge,
    ExternalTrade,
    MarketSpec,
    Quoted,
    ScenarioEvent,
    TickChanged,
)
from remora.venues.twin.scenario.season_beliefs import Floats, next_price
from remora.venues.twin.scenario.season_skill import Intent, SkilledHand, plan_skilled
from remora.venues.twin.scenario.season_wallets import Habit, Trader

NEWS_AT_ONCE = 0.3
"""Share of the news that every price takes in at once; the rest follows over the market's lag."""

CHASED = 0.12
"""Share of skilled purchases after which the price runs away before anybody could copy them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a market trades: `lag_hours` is how long the price takes to catch up with the news."""

    lag_hours: float
    trades_per_hour: float
    stake_scale: float
    skilled_hazard: float
    quotes: bool


@dataclass(slots=True)
class MarketSimulation:
    """State of one market while it is generated; `run` returns its events."""

    market: MarketSpec
    grid: Sequence[datetime]
    belief: Floats
    traders: Sequence[Trader]
    pace: Pace
    rng: np.random.Generator
    dries_up_at: datetime | None = None
    price: float = 0.5
    tick: Decimal = Decimal("0.01")
    events: list[ScenarioEvent] = field(default_factory=list)
    holdings: dict[tuple[WalletAddress, int], Decimal] = field(default_factory=dict)
    quoted: tuple[Decimal, Decimal] | None = None
    prints: int = 0

    def run(self) -> list[ScenarioEvent]:
        """Return quotes, trades, merges and tick changes up to the last instant of the grid."""
        self.price = float(self.belief[0])
        crowd = [trader for trader in self.traders if trader.habit is not Habit.SKILLED]
        hands = [SkilledHand(trader) for trader in self.traders if trader.habit is Habit.SKILLED]
        weights = np.array([8.0 if trader.habit is Habit.MAKER else 1.0 for trader in crowd])
        weights /= max(weights.sum(), 1.0)
        for step in range(1, len(self.grid)):
            at, length = self.grid[step - 1], self.grid[step] - self.grid[step - 1]
            self._move(step, length)
            self._quote(at)
            if self.dries_up_at is not None and at >= self.dries_up_at:
                continue
            moments = self._moments(at, length, len(crowd))
            for moment in moments:
                self._crowd_trade(moment, crowd[int(self.rng.choice(len(crowd), p=weights))])
            last = moments[-1] if moments else at
            for hand in hands:
                self._skilled_trade(max(last, at + length / 2), hand, float(self.belief[step]))
        return self.events

    def _move(self, step: int, length: timedelta) -> None:
        hours = length.total_seconds() / 3600
        caught_up = 1.0 - float(np.exp(-hours / self.pace.lag_hours))
        self.price = next_price(
            self.price,
            float(self.belief[step]),
            float(self.belief[step - 1]),
            caught_up=caught_up,
            instant=NEWS_AT_ONCE,
        )
        self.price = min(max(self.price + float(self.rng.normal(0.0, 0.0025)), 0.012), 0.988)

    def _moments(self, at: datetime, length: timedelta, people: int) -> list[datetime]:
        if people == 0:
            return []
        count = int(self.rng.poisson(self.pace.trades_per_hour * length.total_seconds() / 3600))
        return [at + length * float(share) for share in np.sort(self.rng.uniform(0.02, 0.5, size=count))]

    def _quote(self, at: datetime) -> None:
        mid = Decimal(str(round(self.price, 4)))
        if self.tick != FINE_TICK and is_extreme(mid):
            self.tick = FINE_TICK
            self.events.append(TickChanged(at, self.market.condition_id, FINE_TICK))
        dried_up = self.dries_up_at is not None and at >= self.dries_up_at
        touch = touch_around(mid, self.tick, self.market.spread_ticks)
        if dried_up:
            touch = (Decimal(0), Decimal(0))
        if touch == self.quoted or not self.pace.quotes:
            return
        self.quoted = touch
        depth = Decimal(0) if dried_up else None
        self.events.append(Quoted(at=at, condition_id=self.market.condition_id, mid=mid, depth_usd=depth))

    def _touch(self, index: int) -> tuple[Decimal, Decimal]:
        bid, ask = touch_around(Decimal(str(round(self.price, 4))), self.tick, self.market.spread_ticks)
        return (bid, ask) if index == 0 else (ONE - ask, ONE - bid)

    def _crowd_trade(self, at: datetime, trader: Trader) -> None:
        index = int(self.rng.integers(2))
        held = self.holdings.get((trader.wallet, index), Decimal(0))
        bid, ask = self._touch(index)
        if held > 1 and self.rng.uniform() < 0.4:
            share = Decimal(str(round(float(self.rng.uniform(0.3, 1.0)), 2)))
            self.trade(at, trader.wallet, index, Side.SELL, bid, (held * share).quantize(Decimal("0.01")))
            return
        usd = trader.stake_usd * self.pace.stake_scale * float(self.rng.lognormal(-0.3, 0.8))
        self.trade(at, trader.wallet, index, Side.BUY, ask, Decimal(str(round(usd / float(ask), 2))))

    def _skilled_trade(self, at: datetime, hand: SkilledHand, belief: float) -> None:
        intent = plan_skilled(hand, price=self.price, belief=belief, hazard=self.pace.skilled_hazard, rng=self.rng)
        if intent is None:
            return
        if intent.side is Side.BUY:
            self._skilled_buy(at, hand, intent)
        elif intent.merge:
            self._merge(at, hand, intent)
        else:
            bid, _ = self._touch(intent.index)
            self.trade(at, hand.trader.wallet, intent.index, Side.SELL, bid, intent.shares)
            hand.shares -= intent.shares

    def _skilled_buy(self, at: datetime, hand: SkilledHand, intent: Intent) -> None:
        _, ask = self._touch(intent.index)
        fills = int(self.rng.integers(1, 4))
        usd = hand.trader.stake_usd * float(self.rng.lognormal(0.0, 0.4)) / fills
        hand.index, hand.entry = intent.index, float(ask)
        for _ in range(fills):
            size = Decimal(str(round(usd / float(ask), 2)))
            self.trade(at, hand.trader.wallet, intent.index, Side.BUY, ask, size)
            hand.shares += size
            at += timedelta(seconds=float(self.rng.uniform(1, 25)))
        if self.rng.uniform() < CHASED:
            run = float(self.rng.uniform(0.035, 0.06)) * (1 if intent.index == 0 else -1)
            self.price = min(max(self.price + run, 0.05), 0.95)
            self._quote(at)

    def _merge(self, at: datetime, hand: SkilledHand, intent: Intent) -> None:
        other = 1 - intent.index
        _, ask = self._touch(other)
        self.trade(at, hand.trader.wallet, other, Side.BUY, ask, intent.shares)
        self.holdings[hand.trader.wallet, other] -= intent.shares
        self.holdings[hand.trader.wallet, intent.index] -= intent.shares
        hand.shares -= intent.shares
        at += timedelta(seconds=90)
        self.events.append(
            ExternalMerge(
                at=at,
                wallet=hand.trader.wallet,
                condition_id=self.market.condition_id,
                size=intent.shares,
                transaction_hash=transaction_hash(self.market.condition_id, "merge", hand.trader.wallet, at),
            )
        )

    def trade(
        self, at: datetime, wallet: WalletAddress, index: int, side: Side, price: Decimal, size: Decimal
    ) -> None:
        """Print one fill and keep the wallet's holding; a size that rounds to nothing is no fill."""
        if size <= 0:
            return
        signed = size if side is Side.BUY else -size
        self.holdings[wallet, index] = self.holdings.get((wallet, index), Decimal(0)) + signed
        self.prints += 1
        self.events.append(
            ExternalTrade(
                at=at,
                wallet=wallet,
                condition_id=self.market.condition_id,
                outcome_index=index,
                side=side,
                price=price,
                size=size,
                transaction_hash=transaction_hash(self.market.condition_id, self.prints, at),
            )
        )
