"""The roster: who passes which gate, on made-up populations whose skill is known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.statistics.scoring import ScoringResult, score_wallets
from remora.statistics.scoring_params import Gate, RankBy, ScoringParams, in_order

START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=150)
PARAMS = ScoringParams(resamples=199)
EVENTS = 150


def world(seed: int, wallets: int, skilled: int, *, knows: float = 0.35, bets: int = 120) -> tuple[Any, Any]:
    """Return trades and resolutions: fair prices, and some wallets that know the outcome with chance `knows`."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(0.5, 0.7, EVENTS)
    first = rng.uniform(size=EVENTS) < price
    resolutions = [
        {
            "at": START + timedelta(days=day * 0.95 + 1),
            "condition_id": f"m{day}",
            "payouts": (float(won), 1.0 - won),
        }
        for day, won in enumerate(first)
    ]
    trades = []
    for wallet in range(wallets):
        for day in np.sort(rng.choice(EVENTS, bets, replace=False)):
            outcome = int(rng.integers(2))
            if wallet < skilled:
                outcome = int(not first[day]) if rng.uniform() < knows else 0
            cost = price[day] if outcome == 0 else 1 - price[day]
            trades.append(
                {
                    "at": START + timedelta(days=float(day) * 0.95, minutes=float(wallet)),
                    "wallet": f"0x{wallet:03d}",
                    "condition_id": f"m{day}",
                    "outcome_index": outcome,
                    "event_id": f"e{day}",
                    "side": "BUY",
                    "price": float(cost),
                    "size": float(rng.uniform(50, 500)),
                }
            )
    return pd.DataFrame(trades), resolutions


def score(trades: Any, resolutions: Any, **changes: Any) -> ScoringResult:
    options: dict[str, Any] = {"as_of": AS_OF, "params": PARAMS, "rng": np.random.default_rng(1)}
    return score_wallets(trades, resolutions, **(options | changes))


@pytest.fixture(scope="module")
def skilled_world() -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    trades, resolutions = world(1, 120, 5)
    return trades, resolutions


@pytest.fixture(scope="module")
def skilled_result(skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]]) -> ScoringResult:
    return score(*skilled_world)


def test_the_skilled_are_found_and_nobody_else(skilled_result: ScoringResult) -> None:
    found = {place.wallet for place in skilled_result.roster}

    assert found
    assert found <= {f"0x{i:03d}" for i in range(5)}
    assert len(found) >= 3


def test_on_noise_almost_nobody_is_selected() -> None:
    assert sum(len(score(*world(seed, 100, 0)).roster) for seed in range(10, 16)) <= 1


def test_betting_the_other_side_of_the_skilled_qualifies_nobody(
    skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]],
) -> None:
    trades, resolutions = skilled_world
    mirrored = trades.assign(outcome_index=1 - trades["outcome_index"], price=1 - trades["price"])

    assert score(mirrored, resolutions).roster == ()


def test_every_wallet_leaves_at_one_gate_or_is_followed(skilled_result: ScoringResult) -> None:
    assert sum(skilled_result.funnel.values()) == len(skilled_result.evidence) == 120
    assert list(skilled_result.funnel) == [*(gate.value for gate in Gate), "roster"]
    assert skilled_result.funnel["roster"] == len(skilled_result.roster)
    for evidence in skilled_result.evidence.values():
        assert (evidence.gate is None) == (evidence.detail == "")


def test_the_roster_is_ordered_by_the_lower_bound_and_the_bound_lies_below_the_score(
    skilled_result: ScoringResult,
) -> None:
    lows = [place.score_low for place in skilled_result.roster]

    assert lows == sorted(lows, reverse=True)
    for place in skilled_result.roster:
        assert place.score_low <= place.score
        assert 0 < place.edge < 1


def test_the_roster_can_be_ordered_by_edge(skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]]) -> None:
    result = score(*skilled_world, params=replace(PARAMS, rank_by=RankBy.EDGE))
    edges = [place.edge for place in result.roster]

    assert edges == sorted(edges, reverse=True)


def test_what_comes_after_the_instant_changes_nothing(
    skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]],
) -> None:
    trades, resolutions = skilled_world
    instant = START + timedelta(days=110)
    past = trades[trades["at"] <= instant]
    settled = [row for row in resolutions if row["at"] <= instant]

    assert_same(score(past, settled, as_of=instant), score(trades, resolutions, as_of=instant))


def test_the_order_of_the_rows_changes_nothing(
    skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]], skilled_result: ScoringResult
) -> None:
    trades, resolutions = skilled_world

    assert_same(score(trades.sample(frac=1, random_state=3), resolutions[::-1]), skilled_result)


def assert_same(a: ScoringResult, b: ScoringResult) -> None:
    assert a.funnel == b.funnel
    assert [p.wallet for p in a.roster] == [p.wallet for p in b.roster]
    for mine, other in zip(a.roster, b.roster, strict=True):
        assert mine.score_low == pytest.approx(other.score_low, abs=1e-6)
        assert mine.edge == pytest.approx(other.edge, abs=1e-9)


def test_a_wallets_size_of_bets_does_not_matter_to_its_sharpe(
    skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]], skilled_result: ScoringResult
) -> None:
    trades, resolutions = skilled_world
    larger = trades.assign(size=trades["size"].where(trades["wallet"] != "0x001", trades["size"] * 1000))

    ours, theirs = (result.evidence["0x001"].standing for result in (score(larger, resolutions), skilled_result))

    assert ours is not None
    assert theirs is not None
    assert ours.sharpe == pytest.approx(theirs.sharpe)


def test_higher_costs_never_raise_an_edge(
    skilled_world: tuple[pd.DataFrame, list[dict[str, Any]]], skilled_result: ScoringResult
) -> None:
    costly = score(*skilled_world, params=replace(PARAMS, half_spread=0.03, fee_rate=0.07))

    for wallet, evidence in costly.evidence.items():
        assert evidence.record.edge < skilled_result.evidence[wallet].record.edge
    assert len(costly.roster) <= len(skilled_result.roster)


def one_wallets_gate(
    rows: Sequence[dict[str, Any]] | pd.DataFrame, skilled_world: Any, **changes: Any
) -> Gate | None:
    trades, resolutions = skilled_world
    extra = pd.DataFrame(rows).assign(wallet="0xtest")
    return score(pd.concat([trades, extra]), resolutions, **changes).evidence["0xtest"].gate


def test_each_gate_lets_nobody_through_it_should_not(skilled_world: Any, skilled_result: ScoringResult) -> None:
    trades, _ = skilled_world
    best = trades[trades["wallet"] == skilled_result.roster[0].wallet]
    unseen = best.assign(side="SELL").iloc[:1]
    other_side = best.assign(
        outcome_index=1 - best["outcome_index"], price=1 - best["price"], at=best["at"] + timedelta(hours=1)
    )
    quick = best.assign(side="SELL", price=best["price"] + 0.1, at=best["at"] + timedelta(seconds=20))

    assert one_wallets_gate(unseen, skilled_world) is Gate.HISTORY
    assert one_wallets_gate(best, skilled_world, incomplete=frozenset({"0xTEST"})) is Gate.HISTORY
    assert one_wallets_gate(best.iloc[:29], skilled_world) is Gate.SAMPLE
    lax = {"params": replace(PARAMS, rarer_outcome_min=0)}
    assert one_wallets_gate(pd.concat([best, other_side]), skilled_world, **lax) is Gate.COPYABLE
    assert one_wallets_gate(pd.concat([best, quick]), skilled_world, **lax) is Gate.COPYABLE
    assert one_wallets_gate(best, skilled_world, params=replace(PARAMS, win_rate_min=0.9)) is Gate.WIN_RATE
    assert one_wallets_gate(best, skilled_world, params=replace(PARAMS, sharpe_min=50.0)) is Gate.SHARPE
    assert one_wallets_gate(best, skilled_world, params=replace(PARAMS, score_min=100.0)) is Gate.SCORE
    strict = replace(PARAMS, false_discovery_rate=1e-9)
    assert one_wallets_gate(best, skilled_world, params=strict) is Gate.FALSE_DISCOVERY
    assert one_wallets_gate(best, skilled_world) is None


def test_forty_straight_wins_prove_nothing_without_a_loss(skilled_world: Any) -> None:
    _, resolutions = skilled_world
    rows = [
        {
            "at": row["at"] - timedelta(hours=20),
            "condition_id": row["condition_id"],
            "event_id": row["condition_id"],
            "outcome_index": 0 if row["payouts"][0] == 1 else 1,
            "side": "BUY",
            "price": 0.95,
            "size": 100.0,
        }
        for row in resolutions[:40]
    ]

    assert one_wallets_gate(rows, skilled_world) is Gate.SAMPLE


def test_too_few_wallets_to_compare_is_said(skilled_world: Any) -> None:
    trades, resolutions = skilled_world
    few = trades[trades["wallet"].isin([f"0x{i:03d}" for i in range(5)])]

    result = score(few, resolutions)

    assert result.roster == ()
    assert "scores need 10" in result.notice


@pytest.mark.parametrize("trades", [[], pd.DataFrame()])
def test_nobody_is_a_legal_answer(trades: Any) -> None:
    result = score(trades, [])

    assert result.roster == ()
    assert sum(result.funnel.values()) == 0


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_table_gives_a_roster(data: st.DataObject) -> None:
    row = st.fixed_dictionaries(
        {
            "at": st.datetimes(datetime(2026, 1, 1), datetime(2026, 5, 30), timezones=st.just(UTC)),  # noqa: DTZ001
            "wallet": st.sampled_from([f"0x{i}" for i in range(14)]),
            "condition_id": st.sampled_from([f"m{i}" for i in range(6)]),
            "outcome_index": st.sampled_from([0, 1]),
            "event_id": st.sampled_from(["a", "b", "c"]),
            "side": st.sampled_from(["BUY", "SELL", "MERGE", "SPLIT"]),
            "price": st.floats(0.001, 0.999),
            "size": st.floats(1e-6, 1e9),
        }
    )
    trades = data.draw(st.lists(row, max_size=60))
    resolutions = [
        {
            "at": START + timedelta(days=40 + i),
            "condition_id": f"m{i}",
            "payouts": (0.5, 0.5) if i == 2 else (1, 0),
        }
        for i in range(4)
    ]
    lax = ScoringParams(
        closed_events_min=1,
        rarer_outcome_min=0,
        tested_events_min=1,
        population_min=4,
        two_sided_max=1.0,
        holding_to_latency_min=0.0,
        gain_concentration_max=1.0,
        win_rate_min=0.0,
        sharpe_min=-1e9,
        score_min=0.0,
        resamples=9,
    )

    result = score(trades, resolutions, params=lax)

    assert sum(result.funnel.values()) == len(result.evidence)
    assert all(np.isfinite([p.edge, p.score, p.score_low]).all() for p in result.roster)


@pytest.mark.parametrize(
    "wrong",
    [
        {"half_life_days": 0.0},
        {"confidence": 1.0},
        {"false_discovery_rate": 0.0},
        {"half_spread": 0.5},
        {"fee_rate": 1.0},
        {"population_min": 3},
        {"resamples": 0},
    ],
)
def test_impossible_parameters_are_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        ScoringParams(**wrong)


def test_parameters_are_recorded_as_plain_values() -> None:
    recorded = ScoringParams().recorded()

    assert recorded["latency"] == 5.0
    assert recorded["rank_by"] == "score_low"


def test_gates_that_nobody_met_are_left_out_of_the_order() -> None:
    assert in_order({"roster": 1, "score": 2, "history_incomplete": 3, "elsewhere": 4}) == {
        "history_incomplete": 3,
        "score": 2,
        "roster": 1,
    }
    assert in_order({}) == {}
