"""One wallet's record: events, days, edges."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from remora.statistics.campaigns import campaigns
from remora.statistics.scoring_params import ScoringParams
from remora.statistics.scoring_table import ScoredTrade, trade_table
from remora.statistics.track_record import TrackRecord, track_records, without_series

START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=9, hours=12)
FREE = ScoringParams(half_spread=0.0, fee_rate=0.0)


def bet(day: float, market: str, price: float, *, event: str | None = None, size: float = 100.0) -> ScoredTrade:
    return ScoredTrade(
        at=START + timedelta(days=day),
        wallet="0xa",
        condition_id=market,
        outcome_index=0,
        event_id=event or market,
        side="BUY",
        price=price,
        size=size,
    )


def record(trades: Sequence[ScoredTrade], payouts: dict[str, tuple[float, float]]) -> TrackRecord:
    """`payouts` holds each market's payout and the day it was known."""
    known = {
        market: (paid, 1 - paid, (START + timedelta(days=day)).timestamp())
        for market, (paid, day) in payouts.items()
    }
    table = trade_table(trades, as_of=AS_OF, fee_rate=0.0)
    return track_records(campaigns(table, known, FREE), as_of=AS_OF, params=FREE)["0xa"]


def test_returns_fall_on_the_day_their_event_closed() -> None:
    found = record(
        [bet(0.5, "a", 0.5), bet(1.5, "b", 0.8), bet(2.5, "c", 0.4)],
        {"a": (1, 3.1), "b": (0, 3.9), "c": (0.5, 6.5)},
    )

    np.testing.assert_allclose(found.daily, [0, 0, 0, 1.0 - 1.0, 0, 0, 0.25, 0, 0, 0])
    assert (found.closed_events, found.wins, found.rarer_outcome) == (3, 2, 1)
    assert found.pnl == pytest.approx(50 - 80 + 10)
    assert found.profit_factor == pytest.approx(60 / 80)


def test_the_markets_of_one_event_are_one_observation() -> None:
    found = record([bet(0, "a", 0.5, event="e"), bet(0, "b", 0.25, event="e")], {"a": (1, 2), "b": (0, 2)})

    assert found.closed_events == 1
    np.testing.assert_allclose(found.returns, [(50 - 25) / 75])


def test_an_event_with_an_open_market_is_open() -> None:
    found = record([bet(0, "a", 0.5, event="e"), bet(0, "b", 0.25, event="e")], {"a": (1, 2)})

    assert (found.closed_events, found.open_events, found.wins) == (0, 1, 0)
    assert found.edge_variance == np.inf


def test_a_longshots_return_is_capped_but_its_profit_is_not() -> None:
    found = record([bet(0, "a", 0.05)], {"a": (1, 2)})

    assert found.returns.tolist() == [3.0]
    assert found.pnl == pytest.approx(95)
    assert found.profit_factor is None


def test_the_edge_is_the_gain_per_share_with_large_bets_capped() -> None:
    markets = [f"m{i}" for i in range(40)]
    trades = [bet(0, m, 0.5, size=1e6 if m == "m0" else 100.0) for m in markets]

    found = record(trades, {m: (float(i % 2), 2) for i, m in enumerate(markets)})

    assert abs(found.edge) < 0.05


def test_favourites_that_never_lost_keep_the_variance_of_their_price() -> None:
    markets = [f"m{i}" for i in range(20)]

    found = record([bet(0, m, 0.95) for m in markets], dict.fromkeys(markets, (1, 2)))

    assert found.edge == pytest.approx(0.05)
    assert found.edge_variance == pytest.approx(0.95 * 0.05 / 20)


def test_without_its_series_a_record_says_the_same() -> None:
    found = record([bet(0.5, "a", 0.5), bet(1.5, "b", 0.8)], {"a": (1, 3.1), "b": (0, 3.9)})
    light = without_series(found)

    assert (light.returns.size, light.daily.size) == (0, 0)
    assert replace(light, returns=found.returns, daily=found.daily) == found
