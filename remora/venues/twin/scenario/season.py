"""Generate a season: markets that open, trend, jump and resolve, and wallets of which a few have real skill."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from remora.domain.ids import EventId
from remora.domain.money import ONE
from remora.venues.twin.scenario.fees import fee_terms
from remora.venues.twin.scenario.identifiers import condition_id, numeric_id, token_ids
from remora.venues.twin.scenario.lifecycle import COARSE_TICK
from remora.venues.twin.scenario.model import (
    SYNTHETIC_DEPTH,
    ExternalTrade,
    MarketOpened,
    MarketSpec,
    ResolutionProposed,
    Resolved,
    Scenario,
    ScenarioEvent,
    TradingClosed,
    in_order,
)
from remora.venues.twin.scenario.season_beliefs import Beliefs, exclusive_beliefs, news_clock, threshold_beliefs
from remora.venues.twin.scenario.season_calendar import (
    WINDOW,
    WINDOW_START,
    EventPlan,
    Oddity,
    Shape,
    calendar,
)
from remora.venues.twin.scenario.season_titles import slugify
from remora.venues.twin.scenario.season_trading import MarketSimulation, Pace
from remora.venues.twin.scenario.season_wallets import Habit, Trader, population
from remora.venues.twin.scenario.window import WALL_SECONDS

GENERATED = "Markets, wallets and trades are generated from a seed; no real market or person is meant."
TRADES_PER_DAY = 75.0
_PAST_STEPS = 60
_HALF = (Decimal("0.5"), Decimal("0.5"))


def season_scenario(
    seed: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    speed: float | None = None,
    skilled: bool = True,
) -> Scenario:
    """Return the season of a seed; `start` and `end` narrow its live day, `speed` overrides two minutes.

    In a season without skill (`skilled` false) nobody knows more than the price: a control for finders of skill.
    """
    window_start, window_end = start or WINDOW_START, end or WINDOW_START + WINDOW
    if not WINDOW_START <= window_start < window_end <= WINDOW_START + WINDOW:
        raise ValueError(
            f"a season is live from {WINDOW_START.isoformat()} to {(WINDOW_START + WINDOW).isoformat()}; "
            f"cannot play from {window_start.isoformat()} to {window_end.isoformat()}"
        )
    traders = population(seed, skilled=skilled)
    markets: list[MarketSpec] = []
    events: list[ScenarioEvent] = []
    for plan in calendar(seed):
        listed, happened = _event(seed, plan, traders)
        markets.extend(listed)
        events.extend(happened)
    events = [event for event in in_order(events) if event.at < window_end]
    live = [event for event in events if isinstance(event, ExternalTrade) and event.at >= window_start]
    return Scenario(
        name=f"season {seed}",
        source=f"generated season, seed {seed}",
        markets=tuple(markets),
        events=tuple(events),
        window_start=window_start,
        window_end=window_end,
        speed=speed or (window_end - window_start).total_seconds() / WALL_SECONDS,
        notices=(GENERATED, SYNTHETIC_DEPTH),
        wallets=tuple(trader.truth() for trader in traders),
        details={"trades": len(live), "wallets": len({trade.wallet for trade in live}), "seed": seed},
    )


def _event(seed: int, plan: EventPlan, traders: Sequence[Trader]) -> tuple[list[MarketSpec], list[ScenarioEvent]]:
    rng = np.random.default_rng([seed, 3, plan.index])
    grid = _grid(plan)
    beliefs = _beliefs(plan, len(grid), rng)
    interested = [trader for trader in traders if rng.uniform() < trader.diligence and _allowed(trader, plan)]
    markets: list[MarketSpec] = []
    events: list[ScenarioEvent] = []
    for number in range(len(plan.priors)):
        market = _market(seed, plan, number, rng)
        trading = _until(grid, plan.stop_at)
        simulation = MarketSimulation(
            market=market,
            grid=trading,
            belief=beliefs.belief[number],
            traders=_who(plan, number, interested),
            pace=_pace(plan, rng),
            rng=rng,
            dries_up_at=plan.end_at - timedelta(hours=4) if plan.oddity is Oddity.DRIED_UP else None,
        )
        markets.append(market)
        events.append(
            MarketOpened(plan.start_at, market, Decimal(str(round(float(beliefs.belief[number][0]), 4))))
        )
        events.extend(event for event in simulation.run() if event.at < plan.stop_at)
        events.extend(_ending(plan, market, happened=beliefs.happened[number]))
    return markets, events


def _allowed(trader: Trader, plan: EventPlan) -> bool:
    return trader.habit is not Habit.SKILLED or not plan.short_crypto or trader.gap_min < 0.06


def _who(plan: EventPlan, number: int, interested: Sequence[Trader]) -> list[Trader]:
    """Return who trades market `number`: a skilled wallet takes one market of an event with several."""
    count = len(plan.priors)
    return [
        trader
        for place, trader in enumerate(interested)
        if trader.habit is not Habit.SKILLED or (place + plan.index) % count == number
    ]


def _grid(plan: EventPlan) -> list[datetime]:
    last = plan.resolve_at
    if plan.short_crypto:
        return _steps(plan.start_at, last, timedelta(minutes=1))
    if not plan.live:
        return _steps(plan.start_at, last, (last - plan.start_at) / _PAST_STEPS)
    window_end = WINDOW_START + WINDOW
    before = _steps(plan.start_at, WINDOW_START, timedelta(minutes=40)) if plan.start_at < WINDOW_START else []
    inside = _steps(max(plan.start_at, WINDOW_START), min(last, window_end), timedelta(minutes=4))
    after = _steps(window_end, last, timedelta(minutes=40)) if last > window_end else []
    return sorted({*before, *inside, *after})


def _steps(start: datetime, end: datetime, length: timedelta) -> list[datetime]:
    count = max(int((end - start) / length), 1)
    return [start + (end - start) * (step / count) for step in range(count + 1)]


def _until(grid: Sequence[datetime], stop_at: datetime) -> list[datetime]:
    limit = min(stop_at, WINDOW_START + WINDOW)
    return [at for at in grid if at < limit]


def _beliefs(plan: EventPlan, steps: int, rng: np.random.Generator) -> Beliefs:
    news = news_clock(steps, jumpiness=float(rng.uniform(6.0, 18.0)), rng=rng)
    if plan.shape is Shape.EXCLUSIVE:
        return exclusive_beliefs(news, list(plan.priors), rng)
    return threshold_beliefs(news, list(plan.priors), rng)


def _pace(plan: EventPlan, rng: np.random.Generator) -> Pace:
    if plan.short_crypto:
        return Pace(lag_hours=0.1, trades_per_hour=60, stake_scale=1.0, skilled_hazard=0.5, quotes=True)
    if not plan.live:
        hours = (plan.stop_at - plan.start_at).total_seconds() / 3600
        return Pace(
            lag_hours=hours * 0.07, trades_per_hour=45 / hours, stake_scale=0.5, skilled_hazard=0.3, quotes=False
        )
    volume = 18_000.0 if plan.oddity is Oddity.QUIET else 150_000 * float(rng.lognormal(0.1, 0.35))
    return Pace(
        lag_hours=1.7,
        trades_per_hour=TRADES_PER_DAY / 24,
        stake_scale=volume / TRADES_PER_DAY / 900,
        skilled_hazard=0.1 if plan.oddity is not Oddity.QUIET else 0.05,
        quotes=True,
    )


def _market(seed: int, plan: EventPlan, number: int, rng: np.random.Generator) -> MarketSpec:
    condition = condition_id("season", seed, plan.index, number)
    terms = fee_terms(plan.title.category)
    question = plan.title.questions[number]
    thin, wide = plan.oddity is Oddity.THIN, plan.oddity is Oddity.WIDE
    return MarketSpec(
        condition_id=condition,
        question=question,
        slug=plan.title.slug if len(plan.priors) == 1 else slugify(question),
        event_id=EventId(numeric_id("season", seed, plan.index)),
        event_slug=plan.title.slug,
        event_title=plan.title.title,
        category=plan.title.category,
        tags=plan.title.tags,
        labels=plan.title.labels,
        tokens=token_ids(condition),
        gamma_id=numeric_id("market", condition),
        tick_size=COARSE_TICK,
        min_order_size=Decimal(5),
        neg_risk=plan.shape is Shape.EXCLUSIVE,
        fee_rate=terms.rate,
        fee_exponent=1,
        rebate_rate=terms.rebate_rate,
        start_at=plan.start_at,
        end_at=plan.end_at,
        depth_usd=Decimal(3) if thin else Decimal(round(float(rng.uniform(800, 4000)))),
        spread_ticks=4 if wide else 1,
    )


def _ending(plan: EventPlan, market: MarketSpec, *, happened: bool) -> list[ScenarioEvent]:
    payouts = (ONE, ONE - ONE) if happened else (ONE - ONE, ONE)
    if plan.oddity is Oddity.SPLIT and plan.shape is not Shape.EXCLUSIVE:
        payouts = _HALF
    return [
        ResolutionProposed(plan.propose_at, market.condition_id),
        TradingClosed(plan.stop_at, market.condition_id),
        Resolved(plan.resolve_at, market.condition_id, payouts),
    ]
