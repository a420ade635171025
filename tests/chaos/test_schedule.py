"""The schedule of a chaos run is a pure function of its seed, and leaves nothing out."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.schedule import KINDS, STALLED, VICTIMS, Fault, Kill, Quote, Stall, Step, Trade, draw
from remora.domain.money import Side

WINDOW_S = 2.0
seeds = st.integers(min_value=0, max_value=10**9)


def drawn(seed: int, rounds: int, *, markets: int = 10) -> tuple[Step, ...]:
    return draw(seed, rounds=rounds, window_s=WINDOW_S, markets=markets, whales=6)


@given(seed=seeds, rounds=st.integers(min_value=1, max_value=60))
@settings(deadline=None)
def test_a_seed_draws_the_same_schedule_again_and_no_other_seed_does(seed: int, rounds: int) -> None:
    assert drawn(seed, rounds) == drawn(seed, rounds)
    assert drawn(seed, rounds) != drawn(seed + 1, rounds)


@given(seed=seeds, rounds=st.integers(min_value=1, max_value=40), more=st.integers(min_value=1, max_value=20))
@settings(deadline=None)
def test_a_longer_run_begins_with_the_shorter_one(seed: int, rounds: int, more: int) -> None:
    end = rounds * WINDOW_S

    assert [step for step in drawn(seed, rounds + more) if step.at_s < end] == [
        step for step in drawn(seed, rounds) if step.at_s < end
    ]


@given(seed=seeds, rounds=st.integers(min_value=1, max_value=60))
@settings(deadline=None)
def test_every_round_disturbs_once_and_steps_come_in_order(seed: int, rounds: int) -> None:
    steps = drawn(seed, rounds)
    disturbing = Counter(
        int(step.at_s // WINDOW_S) for step in steps if isinstance(step.act, Kill | Stall | Fault)
    )

    assert list(steps) == sorted(steps, key=lambda step: step.at_s)
    assert sum(disturbing.values()) == rounds
    assert all(0 <= step.at_s <= rounds * WINDOW_S for step in steps)


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_rounds_leave_out_no_fault_and_no_process(seed: int) -> None:
    acts = [step.act for step in drawn(seed, 200, markets=50)]

    assert {act.kind for act in acts if isinstance(act, Fault)} == set(KINDS)
    assert {act.victim for act in acts if isinstance(act, Kill)} == set(VICTIMS)
    assert {act.victim for act in acts if isinstance(act, Stall)} == set(STALLED)


@given(seed=seeds)
@settings(deadline=None)
def test_whales_sell_only_what_they_bought_at_a_price_that_exists(seed: int) -> None:
    bought: set[tuple[int, int, int]] = set()
    drawing = draw(
        seed, rounds=40, window_s=0.0, markets=10, whales=6
    )  # all at once: in the order they were drawn
    for act in [step.act for step in drawing if isinstance(step.act, Trade | Quote)]:
        if isinstance(act, Quote):
            assert 0 < act.bid < 1
            continue
        held = (act.whale, act.market, act.outcome)
        assert 0 < act.price < 1
        assert act.side is Side.BUY or held in bought
        bought.add(held)
