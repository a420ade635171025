from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from remora.domain.chance import Purchase
from remora.domain.ids import WalletAddress
from remora.research.learning import (
    LEARN_MIN,
    MARGIN,
    Lesson,
    chances,
    fitted,
    judge,
    learn,
    lesson_of,
    log_loss,
    purchases_table,
    walk_forward,
)
from remora.research.store import ResearchStore
from remora.statistics.scoring_table import known_payouts
from tests.research.files import imported
from tests.research.seasons import season_store

RECORDED = Path(__file__).parents[2] / "../shared/data"
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


def test_what_was_judged_is_what_a_decision_asks() -> None:
    table = bets(1, bias=0.2)
    lesson = learn(table)
    assert lesson.model is not None

    vectorised = chances(lesson.model, table)
    one_by_one = [
        lesson.model.chance(
            Purchase(
                whale=WalletAddress(row["wallet"]),
                category=row["category"].upper(),
                price=row["price"],
                usd=row["usd"],
                to_end_s=row["to_end_s"],
            )
        )
        for row in table.head(500).to_dict("records")
    ]
    np.testing.assert_allclose(vectorised[:500], one_by_one, atol=1e-12)
    # it has learned the bias: sports win more often than they cost
    sports = (table["category"] == "sports").to_numpy()
    assert (vectorised - table["price"])[sports].mean() > 0.1 > (vectorised - table["price"])[~sports].mean()


def test_the_plain_numbers_predict_as_the_library_that_fitted_them() -> None:
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    table = bets(3, bias=0.2).assign(wallet="w0", category="sports", to_end_s=60.0)
    cut = len(table) * 3 // 4
    found = fitted(table)
    assert found is not None
    features = np.stack(
        [np.log(table["price"] / (1 - table["price"])), np.log1p(table["usd"])], axis=1
    )  # what is the same for everybody has no influence
    scaler = StandardScaler().fit(features[:cut])
    scaled = scaler.transform(features)
    regression = LogisticRegression(C=0.5, max_iter=1000).fit(scaled[:cut], table["won"][:cut])
    raw = regression.predict_proba(scaled)[:, 1]
    calibrated = IsotonicRegression(y_min=0.02, y_max=0.98, out_of_bounds="clip").fit(
        raw[cut:], table["won"][cut:]
    )

    np.testing.assert_allclose(chances(found, table), calibrated.predict(raw), atol=2e-3)


def test_a_roster_holds_the_edges_of_its_own_wallets_only() -> None:
    lesson = learn(bets(1, bias=0.2))
    assert lesson.model is not None
    assert len(lesson.model.skills) > 50

    held = lesson.learned({"w1", "w2", "nobody"})
    assert held.model is not None
    assert {name for name, _ in held.model.skills} == {"w1", "w2"}
    assert held.why.startswith("used because it beats the baseline by +")
    assert Lesson.from_recorded(lesson.recorded()) == lesson
    poor = learn(bets(0, bias=0.0))
    assert (poor.model, Lesson.from_recorded(poor.recorded())) == (None, poor)


def test_on_the_recorded_positions_it_is_not_used_and_says_so(tmp_path: Path) -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded positions are not here")
    store = ResearchStore(tmp_path / "research")
    for name in ("positions_2023_2026", "markets"):
        imported(store, RECORDED / f"{name}.parquet")
    lesson = lesson_of(store, as_of=datetime(2026, 6, 1, tzinfo=UTC))

    assert lesson.model is None
    assert lesson.verdict.gain == pytest.approx(-0.142, abs=0.002)
    told = lesson.learned().why
    assert told.startswith("not used because it does not beat the baseline by 0.005 nats: gain -0.14")


@pytest.mark.parametrize("seed", range(3))
def test_where_prices_are_right_it_says_that_it_does_not_help(seed: int) -> None:
    found = judge(bets(seed, bias=0.0))

    assert not found.use
    assert found.why.startswith("it does not beat the baseline")
    assert found.told.startswith("not used because it does not beat")
    assert found.price_loss is not None
    assert found.predicted > LEARN_MIN


def test_too_few_purchases_teach_nothing() -> None:
    assert judge(bets(0, bias=0.3, count=300)).why == f"there are 300 resolved purchases of {2 * LEARN_MIN}"
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

    # this store does not know when its markets end
    blind = judge(purchases_table(evidence.trades, payouts, store.market_ends()))
    assert blind == lesson_of(store, as_of=season.window_start).verdict != found
    assert found.predicted > LEARN_MIN
    assert found.use is (found.gain_low is not None and found.gain_low > MARGIN)
    assert datetime(2025, 1, 1, tzinfo=UTC) < season.window_start


def test_the_loss_is_in_nats_and_never_infinite() -> None:
    assert log_loss(np.array([0.5]), np.array([1.0]))[0] == pytest.approx(np.log(2))
    assert np.isfinite(log_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0]))).all()
