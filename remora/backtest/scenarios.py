"""A generated season as a recording: its trades, quotes and merges, and who really has skill."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from remora.backtest.history import BUY, MERGE, NEVER, QUOTE, SELL, TRADE, History, Listing, Prints
from remora.domain.market import MarketClass
from remora.domain.money import Side
from remora.venues.twin.scenario.identifiers import wallet_address
from remora.venues.twin.scenario.model import (
    ExternalMerge,
    ExternalTrade,
    MarketSpec,
    Quoted,
    ResolutionProposed,
    Resolved,
    Scenario,
    TickChanged,
    TradingClosed,
)
from remora.venues.twin.scenario.season import season_scenario
from remora.venues.twin.scenario.season_wallets import SKILLED


@dataclass(slots=True)
class _Life:
    market: MarketSpec
    fine_tick_at: float = NEVER
    proposed_at: float = NEVER
    closed_at: float = NEVER
    resolved_at: float = NEVER
    payouts: tuple[Decimal, Decimal] | None = None

    def listing(self) -> Listing:
        market = self.market
        return Listing(
            key=market.condition_id,
            question=market.question,
            slug=market.slug,
            event=market.event_id,
            cluster=market.event_id,
            category=(market.category or "other").lower(),
            market_class=MarketClass.SHORT_CRYPTO if "Up or Down" in market.tags else MarketClass.STANDARD,
            labels=market.labels,
            fee_rate=market.fee_rate,
            fee_exponent=market.fee_exponent,
            min_order_size=market.min_order_size,
            neg_risk=market.neg_risk,
            listed_at=market.start_at.timestamp(),
            end_at=market.end_at.timestamp(),
            end_source="the season",
            fine_tick_at=self.fine_tick_at,
            proposed_at=self.proposed_at,
            closed_at=self.closed_at,
            resolved_at=self.resolved_at,
            payouts=self.payouts,
        )


Row = tuple[float, int, int, int, int, float, float, int]


@dataclass(slots=True)
class _Reader:
    places: Mapping[str, int]
    lives: list[_Life]
    wallets: dict[str, int]
    rows: list[Row]

    def read(self, event: object) -> None:
        """Take in one event of a scenario."""
        match event:
            case ExternalTrade():
                side = BUY if event.side is Side.BUY else SELL
                self._row(event, event.outcome_index, side, float(event.price), float(event.size), TRADE)
            case ExternalMerge():
                self._row(event, 0, SELL, 0.5, float(event.size), MERGE)
            case Quoted():
                at, market = event.at.timestamp(), self.places[event.condition_id]
                self.rows.append((at, -1, market, 0, 0, float(event.mid), 0.0, QUOTE))
            case TickChanged() | ResolutionProposed() | TradingClosed() | Resolved():
                self._milestone(event)

    def _row(
        self, event: ExternalTrade | ExternalMerge, outcome: int, side: int, price: float, size: float, kind: int
    ) -> None:
        wallet = self.wallets.setdefault(str(event.wallet), len(self.wallets))
        market = self.places[event.condition_id]
        self.rows.append((event.at.timestamp(), wallet, market, outcome, side, price, size, kind))

    def _milestone(self, event: TickChanged | ResolutionProposed | TradingClosed | Resolved) -> None:
        life, at = self.lives[self.places[event.condition_id]], event.at.timestamp()
        match event:
            case TickChanged():
                life.fine_tick_at = min(life.fine_tick_at, at)
            case ResolutionProposed():
                life.proposed_at = at
            case TradingClosed():
                life.closed_at = at
            case Resolved():
                life.resolved_at, life.payouts = at, event.payouts


def scenario_history(scenario: Scenario) -> History:
    """Return everything a scenario plays, history and window, as a recording."""
    lives = [_Life(market) for market in scenario.markets]
    reader = _Reader({life.market.condition_id: n for n, life in enumerate(lives)}, lives, {}, [])
    for event in scenario.events:
        reader.read(event)
    columns = [np.array(column) for column in zip(*reader.rows, strict=True)]
    kinds = ("f8", "i4", "i4", "i1", "i1", "f8", "f8", "i1")
    names = ("at", "wallet", "market", "outcome", "side", "price", "size", "kind")
    prints = Prints(**{name: column.astype(k) for name, column, k in zip(names, columns, kinds, strict=True)})
    return History(
        name=scenario.name,
        wallets=list(reader.wallets),
        listings=[life.listing() for life in lives],
        prints=prints,
        rejected=dict(scenario.rejected),
        notices=tuple(scenario.notices[:1]),
    )


def season_history(seed: int, *, skilled: bool = True) -> tuple[History, frozenset[str]]:
    """Return the season of a seed and the wallets that have skill in it, or would have if anybody had."""
    scenario = season_scenario(seed, skilled=skilled)
    gifted = frozenset(str(wallet_address("season", seed, "skilled", number)) for number in range(SKILLED))
    return scenario_history(scenario), gifted
