"""Whose chance sizes a stake: the learned model's only where a roster holds one, and every decision says so."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.chance import UNJUDGED, ChanceSource, Learned, LearnedModel, Purchase, from_edge
from remora.domain.decide import Copy, Skip
from remora.domain.limits import Limits
from remora.domain.reasons import SkipReason
from remora.domain.sizing import all_in_cost, stake_share

from .values import NOW, WHALE, d, decided, desk, market, signal, whale

ROOMY = Limits(position_share=d("1"), position_share_ceiling=d("1"), market_share=d("1"), event_share=d("1"))
USED = "used because it beats the baseline by +0.0300 nats, above 0.005"


def model(**changes: Any) -> LearnedModel:
    """Return a model that believes in the price, and a little more in what the whale buys."""
    values: dict[str, Any] = {
        "intercept": 0.0,
        "price": 1.0,
        "skill": 2.0,
        "usd": 0.0,
        "to_end": 0.0,
        "categories": (("sports", 0.5),),
        "skills": ((str(WHALE), 0.2),),
        "knots": ((0.0, 0.02), (1.0, 0.98)),
    }
    return LearnedModel(**(values | changes))


def copied(**changes: Any) -> Copy:
    found = decided(limits=ROOMY, desk=desk(cash=d("1000000"), equity=d("10000")), **changes)
    assert isinstance(found, Copy), found
    return found


def test_the_chance_is_the_formula_written_down() -> None:
    bought = Purchase(whale=WHALE, category="Sports", price=0.4, usd=50.0, to_end_s=3600.0)
    odds = math.log(0.4 / 0.6) + 2.0 * 0.2 + 0.5
    raw = 1.0 / (1.0 + math.exp(-odds))

    assert model().chance(bought) == pytest.approx(0.02 + 0.96 * raw)
    usd = model(usd=-0.3, to_end=0.1)
    odds += -0.3 * math.log(51.0) + 0.1 * math.log(3601.0)
    assert usd.chance(bought) == pytest.approx(0.02 + 0.96 / (1.0 + math.exp(-odds)))


@given(
    price=st.floats(-1.0, 2.0),
    usd=st.floats(-10.0, 1e12),
    to_end=st.floats(-1e9, 1e12),
    weight=st.floats(-50.0, 50.0),
    category=st.sampled_from(["", "sports", "SPORTS", "never seen"]),
)
def test_a_chance_never_leaves_the_calibration(
    price: float, usd: float, to_end: float, weight: float, category: str
) -> None:
    bought = Purchase(whale=WHALE, category=category, price=price, usd=usd, to_end_s=to_end)

    assert 0.02 <= model(usd=weight, to_end=-weight, price=weight).chance(bought) <= 0.98


def test_a_decision_without_a_model_is_sized_by_the_shrunk_edge_and_says_why() -> None:
    why = "not used because it does not beat the baseline by 0.005 nats: gain -0.1420, interval -0.2010 .. -0.0840"
    found, silent = copied(whale=whale(learned=Learned(why))), copied()

    assert found.probability_source is ChanceSource.SHRUNK_EDGE
    assert found.learned_model == why
    assert silent.learned_model == UNJUDGED.why
    assert found == replace(silent, learned_model=why)
    cost = all_in_cost(d("0.50"), market().fee_rate, 1)
    assert found.probability == cost + whale().edge
    assert found.edge == whale().edge


def test_a_model_that_won_names_the_chance_and_changes_the_size() -> None:
    plain = copied()
    lower = copied(whale=whale(learned=Learned(USED, model(intercept=-0.25))))
    higher = copied(whale=whale(learned=Learned(USED, model(intercept=0.2))))

    for found in (lower, higher):
        assert found.probability_source is ChanceSource.LEARNED_MODEL
        assert found.learned_model == USED
    assert lower.probability < plain.probability < higher.probability
    assert lower.notional < plain.notional < higher.notional
    cost = all_in_cost(d("0.50"), market().fee_rate, 1)
    assert higher.edge == higher.probability - cost
    wanted = (higher.probability - cost) / (1 - cost) * ROOMY.kelly_fraction
    assert higher.share_of_equity == pytest.approx(wanted, rel=Decimal("0.01"))


def test_no_edge_by_the_model_is_no_trade_whatever_the_wallets_edge() -> None:
    found = decided(whale=whale(edge=d("0.5"), learned=Learned(USED, model(intercept=-3.0))))

    assert isinstance(found, Skip)
    assert found.reason is SkipReason.NO_EDGE
    assert "learned_model" in found.detail


def test_a_wallet_followed_by_name_keeps_its_fixed_stake() -> None:
    named = copied(whale=whale(unproven=True, edge=d("0"), learned=Learned(USED, model())))
    plain = copied(whale=whale(unproven=True, edge=d("0")))

    assert named.probability_source is ChanceSource.FIXED_STAKE
    assert named.notional == plain.notional
    assert named.learned_model == "not used because a wallet followed by name takes a fixed stake"


def test_the_models_size_and_time_are_those_of_the_signal() -> None:
    small, large = (
        copied(signal=signal(size=size), whale=whale(learned=Learned(USED, model(usd=0.05))))
        for size in (d("10"), d("100000"))
    )
    soon, late = (
        copied(
            market=market(end_at=NOW + timedelta(days=days)),
            whale=whale(learned=Learned(USED, model(to_end=0.02))),
        )
        for days in (1, 100)
    )

    assert small.probability < large.probability
    assert soon.probability < late.probability


@given(probability=st.decimals(0, 1, places=6), cost=st.decimals("0.01", "0.99", places=4))
def test_the_stake_grows_with_the_chance_and_is_none_without_an_edge(probability: Decimal, cost: Decimal) -> None:
    chance = replace(from_edge(d("0.5"), d("0.05"), UNJUDGED), probability=probability)
    share = stake_share(chance, cost, d("0.25"))

    assert (share == 0) is (probability <= cost)
    assert stake_share(replace(chance, probability=min(d("1"), probability + d("0.1"))), cost, d("0.25")) >= share


def test_a_model_survives_being_written_down() -> None:
    learned = Learned(USED, model())

    assert Learned.from_recorded(learned.recorded()) == learned
    assert Learned.from_recorded(Learned("not used because").recorded()) == Learned("not used because")
    for nothing in (None, "text", 3):
        assert Learned.from_recorded(nothing) == UNJUDGED


@pytest.mark.parametrize(
    "broken",
    [
        {"intercept": float("nan")},
        {"price": None},
        {"knots": []},
        {"knots": [[0.0, 0.5], [1.0, 1.5]]},
        {"knots": [[0.5, 0.5], [0.1, 0.6]]},
        {"knots": [[0.1, 0.6], [0.5, 0.5]]},
        {"skills": [["0xaa"]]},
        {"categories": 7},
    ],
)
def test_a_model_that_cannot_be_read_is_not_used_and_says_so(broken: dict[str, Any]) -> None:
    recorded = {"why": USED, "model": model().recorded() | broken}
    found = Learned.from_recorded(recorded)

    assert found.model is None
    assert found.why.startswith("not used because the roster's model cannot be read")
    assert copied(whale=whale(learned=found)).probability_source is ChanceSource.SHRUNK_EDGE
