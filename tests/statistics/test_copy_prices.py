"""What a copier pays: the later price, the stake's impact, and habits that cannot be copied."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.statistics.scoring import screened, wallet_records
from remora.statistics.scoring_params import ScoringParams, Screen
from remora.statistics.shrinkage import GROUP_ABOVE, mixture_posterior

START = datetime(2026, 1, 1, tzinfo=UTC)
FREE = ScoringParams(half_spread=0.0, fee_rate=0.0)


def trade(
    minute: int, side: str = "BUY", price: float = 0.4, *, size: float = 10.0, **changed: Any
) -> dict[str, Any]:
    return {
        "at": START + timedelta(minutes=minute),
        "wallet": "w",
        "condition_id": "m",
        "outcome_index": 0,
        "event_id": "e",
        "side": side,
        "price": price,
        "size": size,
        **changed,
    }


def record(*trades: dict[str, Any], params: ScoringParams = FREE) -> Any:
    found, rejected = wallet_records(list(trades), [], as_of=START + timedelta(days=9), params=params)
    assert rejected == 0
    return found["w"]


@given(own=st.floats(0.1, 0.8), later=st.floats(0.1, 0.8))
def test_a_copier_never_gets_a_better_price_than_the_wallet(own: float, later: float) -> None:
    known = record(trade(0, price=own, copy_price=later), trade(1, "SELL", own, copy_price=later))
    unknown = record(trade(0, price=own), trade(1, "SELL", own))

    assert known.pnl <= unknown.pnl + 1e-9
    assert known.pnl == pytest.approx(-10 * abs(later - own), abs=1e-9)


def test_a_large_stake_pays_for_the_depth_it_takes() -> None:
    small = ScoringParams(half_spread=0.01, stake_usd=0)
    large = ScoringParams(half_spread=0.01, stake_usd=2_000, depth_usd=2_000)
    price, rate = np.array([0.5]), np.array([0.0])

    assert small.buying(price, rate)[0] == pytest.approx(0.51)
    assert large.buying(price, rate)[0] == pytest.approx(0.52)
    assert large.selling(price, rate)[0] == pytest.approx(0.48)
    with pytest.raises(ValueError, match="depth_usd above 0"):
        ScoringParams(depth_usd=0)


def test_a_market_maker_goes_to_and_fro() -> None:
    sides = [trade(60 * n, "BUY" if n % 2 == 0 else "SELL") for n in range(30)]
    patient = [trade(60 * n) for n in range(30)]

    found = screened(record(*sides), FREE)
    assert found is not None
    assert found[0] is Screen.MARKET_MAKER
    assert record(*patient).maker_share == 0.0


def test_who_merges_most_of_its_shares_is_an_arbitrageur() -> None:
    pairs = [trade(n, "SPLIT", size=100) for n in range(5)]
    found = screened(record(trade(0), trade(6 * 24 * 60, "SELL"), *pairs), FREE)

    assert found is not None
    assert found[0] is Screen.PAIR_ARBITRAGE


def test_many_estimates_are_grouped_without_moving_their_posteriors() -> None:
    rng = np.random.default_rng(0)
    count = 2 * GROUP_ABOVE
    skill = np.where(rng.uniform(size=count) < 0.05, 0.1, 0.0)
    noise = rng.uniform(0.02, 0.06, count) ** 2
    seen = skill + rng.normal(size=count) * np.sqrt(noise)
    grouped = mixture_posterior(seen, noise)
    some = rng.permutation(count)[: GROUP_ABOVE - 1]
    exact = mixture_posterior(
        np.append(seen[some], seen[[seen.argmin(), seen.argmax()]])[:GROUP_ABOVE],
        np.append(noise[some], noise[[seen.argmin(), seen.argmax()]])[:GROUP_ABOVE],
    )

    assert float(np.abs(grouped[some] - exact[: len(some)]).mean()) < 0.006
    assert float(np.mean((grouped - skill) ** 2)) < 0.5 * float(np.mean((seen - skill) ** 2))
