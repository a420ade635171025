from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from remora.research.learning import LEARN_MIN, MARGIN, judge, log_loss, purchases_table, walk_forward
from remora.statistics.scoring_table import known_payouts
from tests.research.seasons import season_store

START = pd.Timestamp("2026-01-01", tz="UTC")


def bets(seed: int, *, bias: float, count: int = 4_000) -> pd.DataFrame:
    """Return purchases at prices that are fair, but for one category in which they are too low by `bias`."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(0.2, 0.8, count)
    sports = rng.uniform(size=count) < 0.5
    won = rng.uniform(size=count) < np.clip(price + bias * np.where(sports, 1.0, -1.0), 0.0, 1.0)
    at = START + pd.to_timedelta(np.arange(count) * 0.05, unit="D")
    return pd.DataFrame(
        {
            "wallet": [f"w{number}" for number in rng.integers(0, 60, count)],
            "event_id": [f"e{number}" for number in range(count)],
            "category": np.where(sports, "sports", "politics"),
            "price": price,
            "cost": price,
            "usd": rng.lognormal(3, 1, count),
            "to_end_s": 86_400.0,
            "at": at,
            "known_at": at + pd.Timedelta(days=1),
            "won": won.astype(float),
        }
    )


def test_a_model_that_learns_something_real_is_used() -> None:
    found = judge(bets(1, bias=0.2))

    assert found.use
    assert found.gain_low is not None
    assert found.gain_low > MARGIN
    assert "beats the baseline" in found.why


@pytest.mark.parametrize("seed", range(3))
def test_where_prices_are_right_it_says_that_it_does_not_help(seed: int) -> None:
    found = judge(bets(seed, bias=0.0))

    assert not found.use
    assert found.why.startswith("does not beat the baseline")
    assert found.price_loss is not None
    assert found.predicted > LEARN_MIN


def test_too_few_purchases_teach_nothing() -> None:
    assert judge(bets(0, bias=0.3, count=300)).why == f"300 resolved purchases, needs {2 * LEARN_MIN}"
    same = bets(0, bias=0.0).assign(won=1.0)
    assert "never" in judge(same).why
    with pytest.raises(ValueError, match="missing: won"):
        judge(same.drop(columns="won"))


def test_later_results_change_no_earlier_prediction() -> None:
    table = bets(2, bias=0.1)
    cut = table["at"].quantile(0.7)
    changed = table.assign(won=table["won"].where(table["known_at"] < cut, 1.0 - table["won"]))
    first, second = walk_forward(table), walk_forward(changed)

    early = first["at"] < cut
    pd.testing.assert_series_equal(first["model"][early], second["model"][early])
    pd.testing.assert_series_equal(first["baseline"][early], second["baseline"][early])


def test_results_are_used_only_once_they_are_known() -> None:
    table = bets(2, bias=0.1).assign(known_at=START + pd.Timedelta(days=9_999))

    assert walk_forward(table).empty


def test_a_season_gives_a_verdict(tmp_path: Path) -> None:
    store, season = season_store(tmp_path, 1)
    evidence = store.evidence(as_of=season.window_start)
    payouts = known_payouts(evidence.resolutions, as_of=season.window_start)
    ends: dict[str, datetime] = {market.condition_id: market.end_at for market in season.markets}
    found = judge(purchases_table(evidence.trades, payouts, ends))

    assert found.predicted > LEARN_MIN
    assert found.use is (found.gain_low is not None and found.gain_low > MARGIN)
    assert datetime(2025, 1, 1, tzinfo=UTC) < season.window_start


def test_the_loss_is_in_nats_and_never_infinite() -> None:
    assert log_loss(np.array([0.5]), np.array([1.0]))[0] == pytest.approx(np.log(2))
    assert np.isfinite(log_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0]))).all()
