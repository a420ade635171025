import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from remora.venues.twin.scenario.season_beliefs import (
    exclusive_beliefs,
    news_clock,
    next_price,
    threshold_beliefs,
)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), jumpiness=st.floats(1.0, 20.0))
def test_beliefs_are_probabilities_and_exclusive_ones_sum_to_one(seed: int, jumpiness: float) -> None:
    rng = np.random.default_rng(seed)
    news = news_clock(50, jumpiness=jumpiness, rng=rng)
    nested = threshold_beliefs(news, [0.7, 0.5, 0.3], rng).belief
    exclusive = exclusive_beliefs(news, [0.4, 0.3, 0.2, 0.1], rng)

    assert ((nested >= 0) & (nested <= 1)).all()
    assert (np.diff(nested, axis=0) <= 1e-12).all(), "a higher threshold is never likelier"
    assert np.allclose(exclusive.belief.sum(axis=0), 1.0)
    assert sum(exclusive.happened) == 1


def test_beliefs_are_calibrated_so_that_prices_alone_give_no_edge() -> None:
    rng = np.random.default_rng(5)
    early, truth = [], []
    for _ in range(4000):
        made = threshold_beliefs(news_clock(20, jumpiness=8.0, rng=rng), [0.4], rng)
        early.append(float(made.belief[0, 10]))
        truth.append(made.happened[0])
    beliefs, outcomes = np.array(early), np.array(truth, dtype=float)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = (beliefs >= low) & (beliefs < low + 0.2)
        error = 4 * np.sqrt(0.25 / chosen.sum())

        assert abs(outcomes[chosen].mean() - beliefs[chosen].mean()) < error


@given(price=st.floats(0.02, 0.98), belief=st.floats(0, 1), share=st.floats(0, 1))
def test_a_price_moves_towards_the_belief(price: float, belief: float, share: float) -> None:
    moved = next_price(price, belief, belief, caught_up=share, instant=0.25)

    assert 0.012 <= moved <= 0.988
    assert abs(moved - min(max(belief, 0.012), 0.988)) <= abs(price - belief) + 0.012
