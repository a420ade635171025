from collections import Counter

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from remora.research.controls import CONTROLS, permuted, reversed_side, shifted_in_time

bets = st.lists(st.tuples(st.floats(0.02, 0.98), st.integers(0, 1), st.booleans()), min_size=1, max_size=40)


def tables(rows: list[tuple[float, int, bool]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    trades = pd.DataFrame(
        [
            {"condition_id": f"m{n}", "outcome_index": outcome, "price": price, "side": "BUY", "copy_price": price}
            for n, (price, outcome, _) in enumerate(rows)
        ]
    )
    results = pd.DataFrame(
        [
            {"condition_id": f"m{n}", "at": n, "payouts": (float(won), 1.0 - won)}
            for n, (_, _, won) in enumerate(rows)
        ]
    )
    return trades, results


@given(rows=bets)
def test_reversing_twice_changes_nothing(rows: list[tuple[float, int, bool]]) -> None:
    trades, results = tables(rows)
    rng = np.random.default_rng(0)

    once = reversed_side(trades, results, rng)[0]
    twice = reversed_side(once, results, rng)[0]
    assert (once["outcome_index"] + trades["outcome_index"] == 1).all()
    pd.testing.assert_frame_equal(twice, trades, check_exact=False)


@given(rows=bets, seed=st.integers(0, 99))
def test_results_are_exchanged_within_bands_of_price_only(rows: list[tuple[float, int, bool]], seed: int) -> None:
    trades, results = tables(rows)
    first = [price if outcome == 0 else 1 - price for price, outcome, _ in rows]
    band = {f"m{n}": int(price * 10) for n, price in enumerate(first)}

    for exchange in (permuted, shifted_in_time):
        after = exchange(trades, results, np.random.default_rng(seed))[1]
        pairs = [Counter((band[m], p) for m, p in t[["condition_id", "payouts"]].values) for t in (results, after)]
        assert pairs[0] == pairs[1]


def test_sales_are_left_out_where_results_are_exchanged() -> None:
    trades, results = tables([(0.4, 0, True), (0.45, 0, False)])
    sold = pd.concat([trades, trades.assign(side="SELL")])

    assert set(permuted(sold, results, np.random.default_rng(0))[0]["side"]) == {"BUY"}


def test_controls_take_empty_tables() -> None:
    trades, results = tables([(0.4, 0, True)])
    for control in CONTROLS.values():
        kept, _ = control(trades.iloc[:0], results.iloc[:0], np.random.default_rng(0))

        assert len(kept) == 0
