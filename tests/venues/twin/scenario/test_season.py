from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from remora.domain.money import Side
from remora.venues.twin.scenario.model import (
    ExternalMerge,
    ExternalTrade,
    MarketOpened,
    Quoted,
    Resolved,
    Scenario,
    TradingClosed,
)
from remora.venues.twin.scenario.season import season_scenario


@pytest.fixture(scope="module", params=[1, 7])
def season(request: pytest.FixtureRequest) -> Scenario:
    return season_scenario(request.param)


def test_the_same_seed_gives_the_same_season() -> None:
    assert season_scenario(3) == season_scenario(3)


def test_another_seed_gives_another_season() -> None:
    assert season_scenario(3).events != season_scenario(4).events


def test_events_are_in_order_and_every_number_is_possible(season: Scenario) -> None:
    times = [event.at for event in season.events]

    assert times == sorted(times)
    for event in season.events:
        if isinstance(event, ExternalTrade):
            assert 0 < event.price < 1
            assert event.size > 0
        elif isinstance(event, Quoted):
            assert 0 < event.mid < 1
        elif isinstance(event, Resolved):
            assert sum(event.payouts) == 1


def test_nobody_sells_or_merges_what_it_does_not_hold(season: Scenario) -> None:
    held: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for event in season.events:
        if isinstance(event, ExternalTrade):
            key = (event.wallet, event.condition_id, event.outcome_index)
            held[key] += event.size if event.side is Side.BUY else -event.size
            assert held[key] >= 0
        elif isinstance(event, ExternalMerge):
            for index in (0, 1):
                held[event.wallet, event.condition_id, index] -= event.size
                assert held[event.wallet, event.condition_id, index] >= 0


def test_nothing_trades_before_it_opens_or_after_it_stops(season: Scenario) -> None:
    opened: set[str] = set()
    stopped: set[str] = set()
    for event in season.events:
        if isinstance(event, MarketOpened):
            opened.add(event.market.condition_id)
        elif isinstance(event, TradingClosed):
            stopped.add(event.condition_id)
        elif isinstance(event, ExternalTrade):
            assert event.condition_id in opened
            assert event.condition_id not in stopped


def test_history_is_long_enough_to_select_on(season: Scenario) -> None:
    events = {m.condition_id: m.event_id for m in season.markets}
    resolved = {
        events[e.condition_id] for e in season.events if isinstance(e, Resolved) and e.at < season.window_start
    }

    assert len(resolved) >= 80
    assert len(season.wallets) == 200
    assert sum(truth.skilled for truth in season.wallets) == 6


def test_exactly_one_market_of_an_exclusive_event_comes_true(season: Scenario) -> None:
    payouts = {e.condition_id: e.payouts for e in season.events if isinstance(e, Resolved)}
    winners: dict[str, list[Decimal]] = defaultdict(list)
    for market in season.markets:
        if market.neg_risk and market.condition_id in payouts:
            winners[market.event_id].append(payouts[market.condition_id][0])

    assert winners
    assert all(sum(values) == 1 for values in winners.values())


def test_skilled_wallets_earn_and_the_crowd_does_not(season: Scenario) -> None:
    skilled = {truth.wallet for truth in season.wallets if truth.skilled}
    payouts = {e.condition_id: e.payouts for e in season.events if isinstance(e, Resolved)}
    edges: dict[bool, list[Decimal]] = defaultdict(list)
    for event in season.events:
        if isinstance(event, ExternalTrade) and event.side is Side.BUY and event.condition_id in payouts:
            edges[event.wallet in skilled].append(payouts[event.condition_id][event.outcome_index] - event.price)
    mean = {group: sum(found, Decimal(0)) / len(found) for group, found in edges.items()}

    assert mean[True] > Decimal("0.04"), "dollars per share, held to the end"
    assert abs(mean[False]) < Decimal("0.02")


def test_the_live_day_holds_what_every_reason_needs(season: Scenario) -> None:
    live = [event for event in season.events if event.at >= season.window_start]
    closing = {e.condition_id: e.at for e in live if isinstance(e, TradingClosed)}
    ends = {m.condition_id: m.end_at for m in season.markets}
    volume: dict[str, Decimal] = defaultdict(Decimal)
    for event in season.events:
        if (
            isinstance(event, ExternalTrade)
            and season.window_start - timedelta(days=1) <= event.at < season.window_start
        ):
            volume[event.condition_id] += event.price * event.size

    assert any("-updown-" in market.slug for market in season.markets)
    assert any(market.spread_ticks > 1 for market in season.markets)
    assert any(market.depth_usd < 10 for market in season.markets)
    assert any(market.category is None for market in season.markets)
    assert any(isinstance(e, Quoted) and e.depth_usd == 0 for e in live), "a book that dries up"
    assert any(at < ends[condition] - timedelta(hours=3) for condition, at in closing.items()), "a halt"
    assert any(isinstance(e, Resolved) and e.payouts[0] == Decimal("0.5") for e in season.events)
    assert any(isinstance(e, ExternalMerge) for e in live)
    below = [usd for usd in volume.values() if usd < 50_000]
    assert 0 < len(below) < len(volume) / 2


def test_a_window_outside_the_live_day_is_refused() -> None:
    with pytest.raises(ValueError, match="a season is live from"):
        season_scenario(1, end=season_scenario(1).window_end + timedelta(days=1))
