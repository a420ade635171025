"""Negative controls: the same rules on data in which there is no skill must choose (almost) nobody."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pandas as pd

from remora.research.store import Evidence

BANDS: Final = 10
"""Bands of price within which results are exchanged, so that prices stay as right as they were."""

Control = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], tuple[pd.DataFrame, pd.DataFrame]]


def reversed_side(
    trades: pd.DataFrame, resolutions: pd.DataFrame, _rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the evidence of somebody who took the other side of every trade at the same price."""
    other = trades.assign(outcome_index=1 - trades["outcome_index"], price=1.0 - trades["price"])
    if "copy_price" in trades.columns:
        other["copy_price"] = 1.0 - trades["copy_price"]
    return other, resolutions


def shifted_in_time(
    trades: pd.DataFrame, resolutions: pd.DataFrame, _rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every market the result of the market of like price that resolved next before it."""
    return _exchanged(trades, resolutions, lambda count: np.roll(np.arange(count), 1))


def permuted(
    trades: pd.DataFrame, resolutions: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exchange the results of markets of like price at random."""
    return _exchanged(trades, resolutions, rng.permutation)


CONTROLS: Final[Mapping[str, Control]] = {
    "reversed_side": reversed_side,
    "time_shifted": shifted_in_time,
    "permuted_outcomes": permuted,
}


def _exchanged(
    trades: pd.DataFrame,
    resolutions: pd.DataFrame,
    order: Callable[[int], np.ndarray[tuple[int], np.dtype[np.int64]]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exchange results within bands of price; only purchases count, since a sale's profit needs no result."""
    bought = trades[trades["side"] == "BUY"]
    if resolutions.empty or bought.empty:
        return bought, resolutions
    price = bought["price"].where(bought["outcome_index"] == 0, 1.0 - bought["price"])
    middle = price.groupby(bought["condition_id"]).median()
    known = resolutions[resolutions["condition_id"].isin(middle.index)].sort_values("at", kind="stable")
    band = (middle.reindex(known["condition_id"]).to_numpy() * BANDS).astype(int)
    payouts = known["payouts"].to_numpy(object)
    exchanged = payouts.copy()
    for number in np.unique(band):
        members = np.flatnonzero(band == number)
        exchanged[members] = payouts[members[order(len(members))]]
    return bought, known.assign(payouts=list(exchanged))


def controlled(evidence: Evidence, name: str, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return trades and resolutions of one control."""
    return CONTROLS[name](evidence.trades, evidence.resolutions, rng)
