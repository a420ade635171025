from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from remora.domain.ids import ConditionId, WalletAddress
from remora.domain.money import Side
from remora.venues.twin.scenario.lifecycle import MIDTERMS_END, ending
from remora.venues.twin.scenario.model import (
    ExternalTrade,
    MarketOpened,
    ResolutionProposed,
    Resolved,
    Scenario,
    TickChanged,
    TradingClosed,
)
from remora.venues.twin.scenario.tape import TapeRow
from remora.venues.twin.scenario.tape_scenario import tape_scenario

TAPE = Path(__file__).parents[4] / "../shared/data/tape_midterms_2022.parquet"
START, END = datetime(2022, 11, 6, tzinfo=UTC), datetime(2022, 11, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def midterms() -> Scenario:
    if not TAPE.exists():
        pytest.skip("the recorded midterms tape is not on this machine")
    return tape_scenario(TAPE, start=START, end=END)


@pytest.fixture(scope="module")
def whole() -> Scenario:
    if not TAPE.exists():
        pytest.skip("the recorded midterms tape is not on this machine")
    return tape_scenario(TAPE, start=START, end=datetime(2022, 12, 1, tzinfo=UTC))


def test_every_recorded_trade_is_played_or_counted(whole: Scenario) -> None:
    trades = [e for e in whole.events if isinstance(e, ExternalTrade)]

    assert len(trades) + sum(whole.rejected.values()) == 27_717


def test_the_window_holds_its_trades_and_nothing_later(midterms: Scenario) -> None:
    assert midterms.events[-1].at < END
    assert midterms.details == {"trades": 10_405, "wallets": 443}
    assert len(midterms.markets) == 39


def test_events_are_in_order_and_prices_inside_the_unit_interval(midterms: Scenario) -> None:
    times = [event.at for event in midterms.events]

    assert times == sorted(times)
    assert all(0 < e.price < 1 and e.size > 0 for e in midterms.events if isinstance(e, ExternalTrade))


def test_every_market_opens_first_and_resolves_last_with_whole_payouts(whole: Scenario) -> None:
    first = {m.condition_id: None for m in whole.markets}
    last: dict[str, type] = {}
    for event in whole.events:
        condition = event.market.condition_id if isinstance(event, MarketOpened) else event.condition_id
        if first[condition] is None:
            first[condition] = type(event)  # type: ignore[assignment]
        last[condition] = type(event)

    assert set(first.values()) == {MarketOpened}
    assert set(last.values()) == {Resolved}
    assert all(sum(e.payouts) == 1 for e in whole.events if isinstance(e, Resolved))


def test_a_result_is_proposed_before_it_is_final(whole: Scenario) -> None:
    proposed = {e.condition_id: e.at for e in whole.events if isinstance(e, ResolutionProposed)}
    resolved = {e.condition_id: e.at for e in whole.events if isinstance(e, Resolved)}

    assert proposed.keys() == resolved.keys()
    assert all(proposed[condition] < resolved[condition] for condition in resolved)


@pytest.mark.parametrize(
    ("slug", "kinds"),
    [
        ("btc-updown-5m-1774272600", [TradingClosed, Resolved]),
        ("who-wins", [ResolutionProposed, TradingClosed, Resolved]),
    ],
)
def test_a_price_feed_settles_up_or_down_markets_without_a_proposal(slug: str, kinds: list[type]) -> None:
    row = TapeRow(
        at=START,
        wallet=WalletAddress("0x" + "1" * 40),
        market=slug,
        outcome_index=0,
        outcome="Up",
        side=Side.BUY,
        price=Decimal("0.5"),
        size=Decimal(10),
        transaction_hash=None,
        title=None,
        slug=slug,
        winner_index=1,
        end_at=None,
    )

    end = ending(ConditionId("0x" + "2" * 64), [row])

    assert [type(event) for event in end] == kinds
    assert isinstance(end[-1], Resolved)
    assert [int(payout) for payout in end[-1].payouts] == [0, 1]


def test_ids_are_derived_and_the_same_every_time(midterms: Scenario) -> None:
    again = tape_scenario(TAPE, start=START, end=END)

    assert again == midterms
    assert all(len(m.condition_id) == 66 and m.tokens[0] != m.tokens[1] for m in midterms.markets)
    assert all(token.isdecimal() and len(token) <= 78 for m in midterms.markets for token in m.tokens)
    counts = Counter(e.transaction_hash for e in midterms.events if isinstance(e, ExternalTrade))
    assert max(counts.values()) == 1


def test_the_scheduled_end_is_what_the_venue_listed_not_what_the_tape_knows(midterms: Scenario) -> None:
    assert {market.end_at for market in midterms.markets} == {MIDTERMS_END}


def test_the_tick_becomes_fine_once_where_prices_became_extreme(midterms: Scenario) -> None:
    changes = [e for e in midterms.events if isinstance(e, TickChanged)]

    assert changes
    assert {e.tick_size for e in changes} == {Decimal("0.001")}
    assert max(Counter(e.condition_id for e in changes).values()) == 1


def test_without_bounds_the_replay_ends_in_about_two_minutes() -> None:
    if not TAPE.exists():
        pytest.skip("the recorded midterms tape is not on this machine")
    chosen = tape_scenario(TAPE)

    assert 100 <= (chosen.window_end - chosen.window_start).total_seconds() / chosen.speed <= 130


def test_depth_is_said_to_be_synthetic(midterms: Scenario) -> None:
    assert any("synthetic" in notice for notice in midterms.notices)
